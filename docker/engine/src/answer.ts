import type { ServerResponse } from "node:http";
import type { Engine } from "./engine.ts";
import { beginEvents, clientSignal, sendEvent, sendJson } from "./http.ts";
import { chatPrompt, completionPrompt, type Prompt } from "./prompt.ts";
import { chatReply, completionReply, type Reply } from "./replies.ts";
import { type GenerationSettings, parseChat, parseCompletion } from "./request.ts";

interface Work {
  prompt: Prompt;
  settings: GenerationSettings;
  reply: Reply;
}

export function answerChat(engine: Engine, body: unknown, response: ServerResponse): Promise<void> {
  const { settings, messages } = parseChat(body);
  engine.requireModel(settings.model);
  const prompt = chatPrompt(engine.loaded, messages);
  return answer(engine, { prompt, settings, reply: chatReply(engine.loaded, settings.includeUsage) }, response);
}

export function answerCompletion(engine: Engine, body: unknown, response: ServerResponse): Promise<void> {
  const { settings, prompt: text } = parseCompletion(body);
  engine.requireModel(settings.model);
  const prompt = completionPrompt(engine.loaded, text);
  return answer(engine, { prompt, settings, reply: completionReply(engine.loaded, settings.includeUsage) }, response);
}

function answer(engine: Engine, work: Work, response: ServerResponse): Promise<void> {
  return work.settings.stream ? stream(engine, work, response) : sendWhole(engine, work, response);
}

async function sendWhole(engine: Engine, work: Work, response: ServerResponse): Promise<void> {
  const pieces: string[] = [];
  const sink = { begin: () => {}, write: (text: string) => void pieces.push(text) };
  const finished = await engine.run(work, sink, clientSignal(response));
  sendJson(response, 200, work.reply.whole(pieces.join(""), finished));
}

async function stream(engine: Engine, work: Work, response: ServerResponse): Promise<void> {
  const { reply, settings } = work;
  const sink = {
    begin: () => {
      beginEvents(response);
      for (const chunk of reply.first()) sendEvent(response, chunk);
    },
    write: (text: string) => sendEvent(response, reply.chunk(text)),
  };
  const finished = await engine.run(work, sink, clientSignal(response));
  sendEvent(response, reply.last(finished));
  if (settings.includeUsage) sendEvent(response, reply.usageChunk(finished));
  sendEvent(response, "[DONE]");
  response.end();
}
