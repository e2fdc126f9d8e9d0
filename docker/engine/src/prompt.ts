import type { ChatHistoryItem, LlamaModel, LlamaText, Token } from "node-llama-cpp";
import { ApiError, messageOf } from "./errors.ts";
import type { LoadedModel } from "./model.ts";
import type { ChatMessage } from "./request.ts";

export interface Prompt {
  tokens: Token[];
  /** Texts and tokens with which the model's chat format closes a turn. */
  stopTexts: string[];
  stopTokens: Set<Token>;
  trimsStart: boolean;
}

/** Renders the messages with the model's own template; what a user writes never becomes a control token. */
export function chatPrompt(loaded: LoadedModel, messages: readonly ChatMessage[]): Prompt {
  const state = chatState(loaded, messages);
  const prompt: Prompt = {
    tokens: state.contextText.tokenize(loaded.model.tokenizer),
    stopTexts: [],
    stopTokens: new Set(),
    trimsStart: true,
  };
  for (const trigger of state.stopGenerationTriggers) addStop(prompt, trigger, loaded.model);
  return fitting(prompt, loaded, "messages");
}

export function completionPrompt(loaded: LoadedModel, text: string): Prompt {
  const { model } = loaded;
  const { bos } = model.tokens;
  const start = model.tokens.shouldPrependBosToken && bos !== null ? [bos] : [];
  const tokens = [...start, ...model.tokenize(text, false)];
  return fitting({ tokens, stopTexts: [], stopTokens: new Set(), trimsStart: false }, loaded, "prompt");
}

function chatState({ chat }: LoadedModel, messages: readonly ChatMessage[]) {
  const chatHistory = messages.map(historyItem);
  try {
    return chat.generateContextState({ chatHistory: [...chatHistory, { type: "model", response: [] }] });
  } catch (error) {
    throw new ApiError({
      status: 400,
      message: `messages: this model's chat template refuses them: ${messageOf(error)}`,
      code: "invalid_value",
      param: "messages",
    });
  }
}

function historyItem({ role, text }: ChatMessage): ChatHistoryItem {
  return role === "assistant" ? { type: "model", response: [text] } : { type: role, text };
}

function addStop(prompt: Prompt, trigger: LlamaText, model: LlamaModel): void {
  const tokens = trigger.tokenize(model.tokenizer);
  const [only] = tokens;
  if (tokens.length === 1 && only !== undefined && model.isSpecialToken(only)) prompt.stopTokens.add(only);
  else if (tokens.length > 0) prompt.stopTexts.push(model.detokenize(tokens, true));
}

function fitting(prompt: Prompt, { contextTokens }: LoadedModel, param: string): Prompt {
  const length = prompt.tokens.length;
  if (length === 0) {
    throw new ApiError({ status: 400, message: `${param}: is empty`, code: "invalid_value", param });
  }
  if (length < contextTokens) return prompt;
  throw new ApiError({
    status: 400,
    message: `${param}: this model's context is ${contextTokens} tokens, the prompt has ${length}`,
    code: "context_length_exceeded",
    param,
  });
}
