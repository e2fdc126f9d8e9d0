import { badField } from "../errors.ts";
import {
  answerLine,
  authorizeLine,
  difficultyLine,
  extranonceLine,
  notifyLine,
  refusalLine,
  submitLine,
  versionMaskLine,
} from "./bitcoin-v1-lines.ts";
import {
  type Announcement,
  type Dialect,
  EXTRANONCE_SUBSCRIBE,
  type Line,
  type MinerMessage,
  type Offer,
  type PoolMessage,
  type Terms,
} from "./dialect.ts";
import { toPlain } from "./fields.ts";
import { parseConfigured, parseLine, parseSubscribed, type StratumMessage } from "./parser.ts";

function toMinerMessage(message: StratumMessage): MinerMessage {
  switch (message.kind) {
    case "subscribe":
      return { kind: "step", name: "subscribe", id: message.id, weight: "required" };
    case "configure":
      return { kind: "step", name: "configure", id: message.id, weight: "wished" };
    case "suggest-difficulty":
      return { kind: "step", name: "suggest-difficulty", id: message.id, weight: "optional" };
    case "extranonce-subscribe":
      return { kind: "step", name: EXTRANONCE_SUBSCRIBE, id: message.id, weight: "optional" };
    case "authorize": {
      const { id, worker } = message;
      const login = {
        worker,
        line: (user: string, password: string): Line => authorizeLine(id, { user, password }),
      };
      return { kind: "step", name: "authorize", id, weight: "required", login };
    }
    case "submit": {
      const { id, worker, submit } = message;
      const line = (user: string): Line => submitLine(id, user, submit);
      return { kind: "submit", id, submit: { job: submit.job, worker, fields: submit, line } };
    }
    case "other":
      return { kind: "pass", id: message.id };
    case "response":
    case "malformed":
      return message;
    default:
      return { kind: "malformed", id: null, reason: `a miner does not send ${message.kind}` };
  }
}

function toPoolMessage(message: StratumMessage): PoolMessage {
  switch (message.kind) {
    case "notify":
      return { kind: "job", job: { id: message.job.id, fields: message.job } };
    case "set-difficulty":
      return { kind: "difficulty", difficulty: message.difficulty };
    case "set-extranonce":
      return { kind: "extranonce", extranonce: message.extranonce };
    case "set-version-mask":
      return { kind: "mask", mask: message.mask };
    case "show-message":
      return { kind: "words", text: toPlain(message.text) };
    case "reconnect":
    case "response":
    case "malformed":
      return message;
    default:
      return { kind: "other" };
  }
}

function parseAnswer(step: string, result: unknown): readonly Announcement[] {
  if (step === "subscribe") return [{ kind: "extranonce", extranonce: parseSubscribed(result) }];
  if (step === "configure") return [{ kind: "mask", mask: parseConfigured(result) }];
  return [];
}

function* present({ terms, mask, job, next }: Offer): Iterable<Line> {
  if (mask !== undefined) yield versionMaskLine(mask);
  yield* said(terms);
  if (!job.fields) throw badField("job", "one of Bitcoin's");
  yield notifyLine(job.fields, true);
  yield* said(next);
}

function* said({ extranonce, difficulty }: Partial<Terms>): Iterable<Line> {
  if (extranonce) yield extranonceLine(extranonce);
  if (difficulty !== undefined) yield difficultyLine(difficulty);
}

/** Bitcoin's Stratum V1 with version rolling and moving extranonces: SHA-256d, scrypt and most coins with such headers. */
export const bitcoinV1: Dialect = {
  needsExtranonce: true,
  movesExtranonce: false,
  parseMiner: (line) => toMinerMessage(parseLine(line)),
  parsePool: (line) => toPoolMessage(parseLine(line)),
  parseAnswer,
  present: (offer) => [...present(offer)],
  granted: (id) => answerLine(id, true),
  refusal: refusalLine,
};
