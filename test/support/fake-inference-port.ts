import type { InferenceAnswer, InferencePort, InferenceRoute } from "../../src/inference/answer.ts";

export interface InferenceCall {
  readonly route: InferenceRoute;
  readonly body: unknown;
  readonly signal: AbortSignal;
}

const encoder = new TextEncoder();

/** A gateway that answers what the test scripted and records what it was asked. */
export class FakeInferencePort implements InferencePort {
  readonly calls: InferenceCall[] = [];
  /** What every call gets. */
  script: (call: InferenceCall) => InferenceAnswer | Promise<InferenceAnswer> = () => ({
    kind: "json",
    status: 200,
    body: { object: "chat.completion", choices: [], usage: { prompt_tokens: 3, completion_tokens: 5 } },
  });

  models(): unknown {
    return { object: "list", data: [{ id: "rigshift-tiny", object: "model", created: 0, owned_by: "rigshift" }] };
  }

  async answer(route: InferenceRoute, body: unknown, signal: AbortSignal): Promise<InferenceAnswer> {
    const call = { route, body, signal };
    this.calls.push(call);
    return await this.script(call);
  }
}

/** The bytes of one server-sent event that carries `data`. */
export const toChunk = (data: unknown): Uint8Array =>
  encoder.encode(`data: ${typeof data === "string" ? data : JSON.stringify(data)}\n\n`);
