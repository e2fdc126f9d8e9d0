import { request } from "node:http";
import { connect } from "node:net";
import { text } from "node:stream/consumers";
import type { PrivateEngine } from "../support/engine.ts";
import type { Repeated, Turn, Work } from "./handover-turns.ts";

interface Call {
  readonly socketPath: string;
  readonly method: "GET" | "POST" | "DELETE";
  readonly path: string;
  readonly body?: object;
}

/** A call and its answer. */
function call({ body, ...to }: Call): Promise<string> {
  return new Promise((resolve, reject) => {
    const sent = request({ ...to, headers: { "content-type": "application/json" } }, (response) => {
      const { statusCode = 0 } = response;
      text(response).then((said) => {
        if (statusCode < 400) resolve(said);
        else reject(new Error(`${to.path}: ${statusCode} ${said}`));
      }, reject);
    });
    sent.on("error", reject).end(body === undefined ? undefined : JSON.stringify(body));
  });
}

/** The Engine by hand: nothing but calls and their answers. */
class BareEngine {
  readonly #socketPath: string;

  constructor({ socketPath }: PrivateEngine) {
    this.#socketPath = socketPath;
  }

  async post(path: string, body?: object): Promise<string> {
    const given = body === undefined ? {} : { body };
    return await call({ socketPath: this.#socketPath, method: "POST", path, ...given });
  }

  stop = (id: string): Promise<string> => this.post(`/containers/${id}/stop?t=5`);

  start = (id: string): Promise<string> => this.post(`/containers/${id}/start`);

  /** Removes a container that is stopped, and its volumes; returns what makes it anew. */
  async remove(id: string): Promise<() => Promise<string>> {
    const { Name, Config, HostConfig, Mounts } = JSON.parse(
      await call({ socketPath: this.#socketPath, method: "GET", path: `/containers/${id}/json` }),
    ) as Inspected;
    const remove = (path: string) => call({ socketPath: this.#socketPath, method: "DELETE", path });
    await remove(`/containers/${id}`);
    for (const { Name: volume } of Mounts) if (volume !== undefined) await remove(`/volumes/${volume}`);
    return async () => {
      const said = await this.post(`/containers/create?name=${Name.slice(1)}`, { ...Config, HostConfig });
      return (JSON.parse(said) as { readonly Id: string }).Id;
    };
  }
}

interface Inspected {
  readonly Name: string;
  readonly Config: object;
  readonly HostConfig: object;
  readonly Mounts: readonly { readonly Name?: string }[];
}

/** Until the work accepts a connection, looked for as often as that takes. */
async function answers(socket: string): Promise<void> {
  const tries = () =>
    new Promise<boolean>((resolve) => {
      const client = connect(socket);
      client.once("connect", () => resolve(true)).once("error", () => resolve(false));
      client.once("connect", () => client.destroy());
    });
  while (!(await tries())) await new Promise((resolve) => setTimeout(resolve, 2));
}

type Side = "hashing" | "inference";

/** What the agent did in its turn, by hand and with the same containers. */
export async function bareTurn(rung: Repeated, work: Work, turn: Turn): Promise<void> {
  const { miner, engine, minerSocket, engineSocket } = work;
  const { times, cycles } = turn;
  const bare = new BareEngine(turn.engine);
  const swap = async (from: Side, [out, into]: readonly [() => Promise<unknown>, () => Promise<unknown>]) => {
    const began = performance.now();
    await out();
    await into();
    times.add(`${rung}: bare, from ${from}`, performance.now() - began);
    await answers(from === "hashing" ? engineSocket : minerSocket);
    times.add(`${rung}: bare until it answers, from ${from}`, performance.now() - began);
  };
  const sleepMode = (path: string) => call({ socketPath: engineSocket, method: "POST", path });
  const [wake, rest] =
    rung === "sleep"
      ? [() => sleepMode("/wake_up"), () => sleepMode("/sleep?level=1")]
      : [() => bare.start(engine), () => bare.stop(engine)];
  await bare.start(miner);
  await answers(minerSocket);
  if (rung === "sleep") {
    await bare.start(engine);
    await answers(engineSocket);
    await rest();
  }
  for (let cycle = 0; cycle < cycles; cycle++) {
    if (rung === "freeze") {
      await times.time("freeze: bare, from hashing", () => bare.post(`/containers/${miner}/pause`));
      await times.time("freeze: bare, from inference", () => bare.post(`/containers/${miner}/unpause`));
    } else {
      await swap("hashing", [() => bare.stop(miner), wake]);
      await swap("inference", [rest, () => bare.start(miner)]);
    }
  }
  await bare.stop(miner);
  if (rung === "sleep") await bare.stop(engine);
}

/** One container is stopped, and the other, of which nothing is kept, is created and started. */
export async function bareColdTurn(work: Work, { engine, times, cycles }: Turn): Promise<void> {
  const bare = new BareEngine(engine);
  let { miner: hashing, engine: inference } = work;
  const swap = async (from: Side, [out, gone, socket]: readonly [string, string, string]) => {
    const create = await bare.remove(gone);
    const began = performance.now();
    await bare.stop(out);
    const made = await create();
    await bare.start(made);
    times.add(`cold: bare, from ${from}`, performance.now() - began);
    await answers(socket);
    times.add(`cold: bare until it answers, from ${from}`, performance.now() - began);
    return made;
  };
  await bare.start(hashing);
  await answers(work.minerSocket);
  for (let cycle = 0; cycle < cycles; cycle++) {
    inference = await swap("hashing", [hashing, inference, work.engineSocket]);
    hashing = await swap("inference", [inference, hashing, work.minerSocket]);
  }
  await bare.stop(hashing);
}
