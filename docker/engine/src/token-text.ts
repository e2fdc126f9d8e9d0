import type { LlamaModel, Token } from "node-llama-cpp";

/** A character is at most four bytes, each of which may be a token of its own. */
const LONGEST_CHARACTER = 4;
/** Spacing of a token can depend on the few before it. */
const TOKENS_BEFORE = 8;

/** Turns tokens into text as they come, never splitting a character. */
export class TokenText {
  #pending: Token[] = [];
  #before: Token[];
  readonly #model: LlamaModel;

  constructor(model: LlamaModel, before: readonly Token[]) {
    this.#model = model;
    this.#before = before.slice(-TOKENS_BEFORE);
  }

  push(token: Token): string {
    this.#pending.push(token);
    const text = this.#model.detokenize(this.#pending, false, this.#before);
    if (text.endsWith("\uFFFD") && this.#pending.length < LONGEST_CHARACTER) return "";
    return this.#release(text);
  }

  rest(): string {
    return this.#release(this.#model.detokenize(this.#pending, false, this.#before));
  }

  #release(text: string): string {
    this.#before = [...this.#before, ...this.#pending].slice(-TOKENS_BEFORE);
    this.#pending = [];
    return text;
  }
}
