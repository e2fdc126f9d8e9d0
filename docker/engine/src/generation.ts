import { randomInt } from "node:crypto";
import type { SequenceEvaluateOptions, Token } from "node-llama-cpp";
import type { LoadedModel } from "./model.ts";
import type { Prompt } from "./prompt.ts";
import type { GenerationSettings, Sampling } from "./request.ts";
import { StopScanner } from "./stop-scanner.ts";
import { TokenText } from "./token-text.ts";

export interface Usage {
  promptTokens: number;
  completionTokens: number;
}

export interface Finished extends Usage {
  finishReason: "stop" | "length";
}

const SEEDS = 2 ** 32;
/** Between two slices of a long prompt an abort is noticed. */
const PROMPT_SLICE = 512;

/** Yields text as it is made. `usage` is kept current, so that an aborted generation is counted too. */
export async function* generate(
  loaded: LoadedModel,
  { prompt, settings, usage }: { prompt: Prompt; settings: GenerationSettings; usage: Usage },
  signal: AbortSignal,
): AsyncGenerator<string, Finished["finishReason"]> {
  const { model } = loaded;
  const most = Math.min(settings.maxTokens ?? Number.POSITIVE_INFINITY, loaded.contextTokens - prompt.tokens.length);
  const scanner = new StopScanner([...settings.stop, ...prompt.stopTexts]);
  const words = new TokenText(model, prompt.tokens);
  let begun = !prompt.trimsStart;
  for await (const token of tokensOf(loaded, { prompt, sampling: settings.sampling, usage }, signal)) {
    signal.throwIfAborted();
    usage.completionTokens++;
    const ended = model.isEogToken(token) || prompt.stopTokens.has(token);
    const spoken = ended ? words.rest() : words.push(token);
    const scanned = scanner.push(begun ? spoken : spoken.trimStart());
    begun ||= spoken.trimStart() !== "";
    if (scanned.text !== "") yield scanned.text;
    if (scanned.stopped) return "stop";
    if (ended) {
      yield scanner.rest();
      return "stop";
    }
    if (usage.completionTokens >= most) break;
  }
  const last = scanner.push(words.rest());
  yield last.text + (last.stopped ? "" : scanner.rest());
  return last.stopped ? "stop" : "length";
}

async function* tokensOf(
  loaded: LoadedModel,
  { prompt, sampling, usage }: { prompt: Prompt; sampling: Sampling; usage: Usage },
  signal: AbortSignal,
): AsyncGenerator<Token, void> {
  const { sequence } = loaded;
  await keepSharedPrefix(loaded, prompt.tokens, sampling);
  let rest = prompt.tokens.slice(sequence.nextTokenIndex);
  while (rest.length > PROMPT_SLICE) {
    signal.throwIfAborted();
    await sequence.evaluateWithoutGeneratingNewTokens(rest.slice(0, PROMPT_SLICE));
    rest = rest.slice(PROMPT_SLICE);
  }
  signal.throwIfAborted();
  usage.promptTokens = prompt.tokens.length;
  const spoken: Token[] = [];
  for await (const token of sequence.evaluate(rest, evaluateOptions(loaded, sampling, spoken))) {
    spoken.push(token);
    yield token;
  }
}

/** A reused prefix was computed in other batches, which may round otherwise: whoever asks for the same text gets none. */
async function keepSharedPrefix(loaded: LoadedModel, tokens: Token[], sampling: Sampling): Promise<void> {
  const repeatable = sampling.seed !== undefined || temperatureOf(loaded, sampling) === 0;
  if (repeatable) await loaded.sequence.clearHistory();
  else await loaded.sequence.adaptStateToTokens(tokens.slice(0, -1), false);
}

function evaluateOptions(loaded: LoadedModel, sampling: Sampling, spoken: Token[]): SequenceEvaluateOptions {
  const { frequencyPenalty, presencePenalty } = sampling;
  const options: SequenceEvaluateOptions = {
    temperature: temperatureOf(loaded, sampling),
    topP: sampling.topP ?? loaded.sampling.topP,
    seed: sampling.seed === undefined ? randomInt(SEEDS) : ((sampling.seed % SEEDS) + SEEDS) % SEEDS,
    yieldEogToken: true,
  };
  if (frequencyPenalty !== 0 || presencePenalty !== 0) {
    options.repeatPenalty = { punishTokens: () => spoken, penalty: 1, frequencyPenalty, presencePenalty };
  }
  return options;
}

function temperatureOf(loaded: LoadedModel, sampling: Sampling): number {
  return sampling.temperature ?? loaded.sampling.temperature;
}
