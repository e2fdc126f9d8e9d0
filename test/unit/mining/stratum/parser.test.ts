import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseConfigured, parseLine, parseSubscribed } from "../../../../src/mining/stratum/parser.ts";
import { readRecorded, recordedData } from "../../../support/recorded-data.ts";
import { testWith } from "../../../support/requirement.ts";

const HASH = "ab".repeat(32);
const NOTIFY = ["1b4c", HASH, "01000000", "ffffffff", [HASH, HASH], "20000004", "1705c739", "64495522", false];

const call = (method: string, params: unknown, id: unknown = 1) => JSON.stringify({ id, method, params });
const notify = (index: number, value: unknown) => call("mining.notify", NOTIFY.with(index, value as string), null);

describe("lines that a pool sends", () => {
  test("a notify becomes a job", () => {
    expect(parseLine(call("mining.notify", NOTIFY, null))).toEqual({
      kind: "notify",
      job: {
        id: "1b4c",
        prevHash: HASH,
        coinb1: "01000000",
        coinb2: "ffffffff",
        branches: [HASH, HASH],
        version: "20000004",
        nbits: "1705c739",
        ntime: "64495522",
        cleanJobs: false,
      },
    });
  });

  test("a notify with one field more is read all the same", () => {
    const params = [...NOTIFY.slice(0, 8), "64495522", true];
    expect(parseLine(call("mining.notify", params, null))).toMatchObject({ kind: "notify", job: { cleanJobs: true } });
  });

  test("a notify without its last field does not clean", () => {
    const message = parseLine(call("mining.notify", NOTIFY.slice(0, 8), null));
    expect(message).toMatchObject({ kind: "notify", job: { cleanJobs: false } });
  });

  const announcements = [
    [call("mining.set_difficulty", [0.001], null), { kind: "set-difficulty", difficulty: 0.001 }],
    [call("mining.set_difficulty", [1638]), { kind: "set-difficulty", difficulty: 1638 }],
    [call("mining.set_version_mask", ["1fffe000"]), { kind: "set-version-mask", mask: 0x1fffe000 }],
    [
      call("mining.set_extranonce", ["08000002", 4], null),
      { kind: "set-extranonce", extranonce: { extranonce1: "08000002", extranonce2Size: 4 } },
    ],
    [call("client.reconnect", [], null), { kind: "reconnect", waitS: 0 }],
    [call("client.reconnect", ["", null, 5], null), { kind: "reconnect", waitS: 5 }],
    [
      call("client.reconnect", ["other.example", "3334", "10"], null),
      { kind: "reconnect", host: "other.example", port: 3334, waitS: 10 },
    ],
    [call("client.show_message", ["hello"], null), { kind: "show-message", text: "hello" }],
    ['{"id":4,"result":true,"error":null}', { kind: "response", id: 4, result: true }],
    ['{"id":"x","result":{"a":1}}', { kind: "response", id: "x", result: { a: 1 } }],
  ] as const;
  for (const [line, message] of announcements)
    test(`reads ${line}`, () => {
      expect(parseLine(line)).toEqual(message);
    });
});

describe("lines that a miner sends", () => {
  const lines = [
    [call("mining.subscribe", ["agent/1.0"]), { kind: "subscribe", id: 1 }],
    [call("mining.subscribe", []), { kind: "subscribe", id: 1 }],
    ['{"id":1,"method":"mining.subscribe"}', { kind: "subscribe", id: 1 }],
    [call("mining.authorize", ["w.1", "x"]), { kind: "authorize", id: 1, worker: "w.1", password: "x" }],
    [call("mining.authorize", ["w.1"]), { kind: "authorize", id: 1, worker: "w.1", password: "" }],
    [call("mining.extranonce.subscribe", []), { kind: "extranonce-subscribe", id: 1 }],
    [call("mining.suggest_difficulty", [512]), { kind: "suggest-difficulty", id: 1, difficulty: 512 }],
    [
      call("mining.configure", [["version-rolling"], { "version-rolling.mask": "1fffe000" }]),
      { kind: "configure", id: 1, extensions: ["version-rolling"], mask: 0x1fffe000 },
    ],
    [call("mining.configure", [["info"]]), { kind: "configure", id: 1, extensions: ["info"] }],
    [
      call("mining.submit", ["w.1", "j", "00000001", "64495522", "deadBEEF"], "mining.submit"),
      {
        kind: "submit",
        id: "mining.submit",
        worker: "w.1",
        submit: { job: "j", extranonce2: "00000001", ntime: "64495522", nonce: "deadBEEF" },
      },
    ],
    [
      call("mining.submit", ["w.1", "j", "", "64495522", "deadbeef", "00002000"]),
      {
        kind: "submit",
        id: 1,
        worker: "w.1",
        submit: { job: "j", extranonce2: "", ntime: "64495522", nonce: "deadbeef", versionBits: "00002000" },
      },
    ],
    [call("mining.get_transactions", ["j"]), { kind: "other", id: 1, method: "mining.get_transactions" }],
    [call("__proto__", ["j"]), { kind: "other", id: 1, method: "__proto__" }],
    [call("constructor", {}), { kind: "other", id: 1, method: "constructor" }],
    [call("eth_submitWork", { worker: "w" }), { kind: "other", id: 1, method: "eth_submitWork" }],
  ] as const;
  for (const [line, message] of lines)
    test(`reads ${line}`, () => {
      expect(parseLine(line)).toEqual(message);
    });

  test("takes bytes with their newline, of either kind", () => {
    expect(parseLine(Buffer.from(`${call("mining.subscribe", [])}\r\n`))).toEqual({ kind: "subscribe", id: 1 });
  });
});

describe("refusals", () => {
  const refusals = [
    ['{"id":4,"result":null,"error":[21,"Job not found",null]}', 21, "Job not found", "the standard's form"],
    ['{"id":4,"result":false,"error":{"code":22,"message":"dup"}}', 22, "dup", "JSON-RPC's form"],
    ['{"id":4,"result":null,"error":"Low difficulty"}', 20, "Low difficulty", "plain text"],
    ['{"reject-reason":"Above target 2","result":false,"error":null,"id":8}', 20, "Above target 2", "ckpool's form"],
    ['{"id":4,"result":false,"error":null}', 20, "no reason given", "no reason at all"],
    ['{"id":4,"result":null,"error":["x"]}', 20, "no reason given", "a list without sense"],
    ['{"id":4,"result":null,"error":[1e99,7]}', 20, "no reason given", "a code that is no whole number"],
    ['{"id":4,"result":null,"error":[20,"a\\u001b[31m\\nb"]}', 20, "a[31mb", "control characters, which are dropped"],
  ] as const;
  for (const [line, code, message, why] of refusals)
    test(`are read from ${why}`, () => {
      expect(parseLine(line)).toMatchObject({ kind: "response", refusal: { code, message } });
    });

  test("are not seen where the answer is positive", () => {
    expect(parseLine('{"id":4,"error":null,"result":true}')).not.toHaveProperty("refusal");
    expect(parseLine('{"id":1,"error":null,"result":[[],"00",4]}')).not.toHaveProperty("refusal");
  });

  test("do not carry a text of any length", () => {
    const message = parseLine(JSON.stringify({ id: 1, result: null, error: [20, "x".repeat(9000)] }));
    expect(message).toMatchObject({ refusal: { message: "x".repeat(200) } });
  });
});

describe("malformed lines", () => {
  const malformed = [
    // line, part of the reason, id that is kept for the refusal
    ["", /not JSON/, null],
    ["GET / HTTP/1.1", /not JSON/, null],
    ['{"id":1,"method":"mining.subscribe","params":[]', /not JSON/, null],
    ["\u0000\u0001\u0002", /not JSON/, null],
    ["[]", /line is not a JSON object/, null],
    ["null", /line is not a JSON object/, null],
    ["17", /line is not a JSON object/, null],
    ["{}", /neither|request or a response/, null],
    ['{"id":{},"method":"x"}', /^id/, null],
    ['{"id":1.5,"method":"x"}', /^id/, null],
    ['{"id":1e300,"method":"x"}', /^id/, null],
    [`{"id":"${"x".repeat(65)}","method":"x"}`, /^id/, null],
    ['{"id":3,"method":7}', /^method/, 3],
    [`{"id":3,"method":"${"x".repeat(65)}"}`, /^method/, 3],
    ['{"id":3,"method":"a\\u0007b"}', /^method/, 3],
    [call("mining.subscribe", { a: 1 }), /^params/, 1],
    [
      call(
        "mining.submit",
        Array.from({ length: 33 }, () => "x"),
      ),
      /^params/,
      1,
    ],
    [call("mining.authorize", []), /^worker/, 1],
    [call("mining.authorize", ["x".repeat(257), "x"]), /^worker/, 1],
    [call("mining.authorize", ["a\nb", "x"]), /^worker/, 1],
    [call("mining.authorize", ["w", 7]), /^password/, 1],
    [call("mining.submit", ["w"]), /^job id/, 1],
    [call("mining.submit", ["w", 7, "00", "64495522", "00000000"]), /^job id/, 1],
    [call("mining.submit", ["w", "j", "0", "64495522", "00000000"]), /^extranonce2/, 1],
    [call("mining.submit", ["w", "j", "zz", "64495522", "00000000"]), /^extranonce2/, 1],
    [call("mining.submit", ["w", "j", "00".repeat(17), "64495522", "00000000"]), /^extranonce2/, 1],
    [call("mining.submit", ["w", "j", "00", "644955", "00000000"]), /^ntime/, 1],
    [call("mining.submit", ["w", "j", "00", "64495522", 123]), /^nonce/, 1],
    [call("mining.submit", ["w", "j", "00", "64495522", "0x00beef"]), /^nonce/, 1],
    [call("mining.submit", ["w", "j", "00", "64495522", "00000000", null]), /^version bits/, 1],
    [call("mining.configure", ["version-rolling"]), /^extensions/, 1],
    [call("mining.configure", [[7]]), /^extension/, 1],
    [call("mining.configure", [["a"], { "version-rolling.mask": "xyz" }]), /^version mask/, 1],
    [call("mining.suggest_difficulty", []), /^difficulty/, 1],
    [call("mining.suggest_difficulty", ["512"]), /^difficulty/, 1],
    [call("mining.set_difficulty", [0]), /^difficulty/, 1],
    [call("mining.set_difficulty", [-1]), /^difficulty/, 1],
    ['{"id":null,"method":"mining.set_difficulty","params":[1e400]}', /^difficulty/, null],
    [call("mining.set_extranonce", ["00", 0], null), /^extranonce2 size/, null],
    [call("mining.set_extranonce", ["00", 4.5], null), /^extranonce2 size/, null],
    [call("mining.set_extranonce", ["00".repeat(17), 4], null), /^extranonce1/, null],
    [call("client.reconnect", [{}], null), /^reconnect host/, null],
    [call("client.reconnect", ["h", 70_000], null), /^reconnect port/, null],
    [call("client.reconnect", ["h", 1, -5], null), /^reconnect wait/, null],
    [notify(0, 5), /^job id/, null],
    [notify(1, HASH.slice(2)), /^prevhash/, null],
    [notify(2, "abc"), /^coinb1/, null],
    [notify(3, "00".repeat(4097)), /^coinb2/, null],
    [notify(4, "none"), /^merkle branches/, null],
    [notify(4, [HASH, "00"]), /^merkle branch/, null],
    [
      notify(
        4,
        Array.from({ length: 33 }, () => HASH),
      ),
      /^merkle branches/,
      null,
    ],
    [notify(5, 536870912), /^version/, null],
    [notify(6, null), /^nbits/, null],
    [notify(7, "xyz"), /^ntime/, null],
  ] as const;
  for (const [line, reason, id] of malformed)
    test(`${line.slice(0, 90)} says what is wrong`, () => {
      const message = parseLine(line);
      expect(message).toMatchObject({ kind: "malformed", id });
      expect(message.kind === "malformed" && message.reason).toMatch(reason);
    });

  test("nesting as deep as a line can hold is no more than malformed or unknown", () => {
    const deep = "[".repeat(8000) + "]".repeat(8000);
    expect(parseLine(`{"id":1,"method":"x","params":${deep}}`).kind).toBe("other");
    expect(parseLine(`{"id":1,"result":${deep}}`).kind).toBe("response");
    expect(parseLine(`{"id":1,"method":"mining.notify","params":${deep}}`).kind).toBe("malformed");
  });
});

describe("any line whatever", () => {
  const real = [
    call("mining.notify", NOTIFY, null),
    call("mining.submit", ["w.1", "j", "00000001", "64495522", "deadbeef"], 7),
    call("mining.set_difficulty", [512], null),
    call("mining.authorize", ["w.1", "x"], 2),
    '{"id":4,"result":null,"error":[21,"Job not found",null]}',
  ];
  const methods = [
    "mining.notify",
    "mining.submit",
    "mining.set_difficulty",
    "mining.configure",
    "client.reconnect",
    "mining.set_extranonce",
  ];
  /** A real line with a few bytes changed, lost or doubled. */
  const mutated = fc
    .tuple(fc.constantFrom(...real), fc.array(fc.tuple(fc.nat(400), fc.nat(255)), { minLength: 1, maxLength: 5 }))
    .map(([line, edits]) => {
      const bytes = Buffer.from(line);
      for (const [at, value] of edits) bytes[at % bytes.length] = value;
      return bytes;
    });
  const lines = fc.oneof(
    fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
    fc.string({ maxLength: 300 }).map((text) => Buffer.from(text)),
    fc.json().map((text) => Buffer.from(text)),
    fc
      .record({ id: fc.jsonValue(), method: fc.constantFrom(...methods), params: fc.jsonValue() })
      .map((value) => Buffer.from(JSON.stringify(value))),
    fc
      .record({ id: fc.jsonValue(), result: fc.jsonValue(), error: fc.jsonValue() })
      .map((value) => Buffer.from(JSON.stringify(value))),
    mutated,
  );

  test("20,000 lines are each read or called malformed, none throws and nothing is kept", () => {
    const before = process.memoryUsage().heapUsed;
    fc.assert(
      fc.property(lines, (line) => {
        const message = parseLine(line);
        if (message.kind === "malformed") expect(message.reason.length).toBeLessThan(200);
        if (message.kind === "set-difficulty") expect(message.difficulty).toBeGreaterThan(0);
        if (message.kind === "submit") expect(message.submit.nonce).toMatch(/^[0-9a-f]{8}$/i);
      }),
      { numRuns: 20_000 },
    );
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(200 * 1024 * 1024);
  }, 60_000);
});

describe("the answer to mining.subscribe", () => {
  test("holds the extranonce, whatever the subscriptions look like", () => {
    const wanted = { extranonce1: "57a6f098", extranonce2Size: 4 };
    expect(parseSubscribed([[["mining.notify", "57a6f098"]], "57a6f098", 4])).toEqual(wanted);
    expect(parseSubscribed([null, "57a6f098", 4])).toEqual(wanted);
  });

  for (const result of [
    null,
    true,
    {},
    [],
    [[], "57a6f098"],
    [[], "5", 4],
    [[], "57a6f098", "4"],
    [[], "57a6f098", 17],
  ])
    test(`${JSON.stringify(result)} is refused`, () => {
      expect(() => parseSubscribed(result)).toThrow(/is not/);
    });
});

describe("the answer to mining.configure", () => {
  test("holds the version mask that was granted, or none", () => {
    expect(parseConfigured({ "version-rolling": true, "version-rolling.mask": "1fffe000" })).toBe(0x1fffe000);
    expect(parseConfigured({ "version-rolling": false })).toBe(0);
    expect(parseConfigured(null)).toBe(0);
    expect(parseConfigured([1])).toBe(0);
  });

  test("is refused when it grants rolling without a mask", () => {
    expect(() => parseConfigured({ "version-rolling": true })).toThrow(/version mask/);
  });
});

describe("recorded sessions", () => {
  const folder = "07-stratum-and-miner-api/stratum-v1";
  const session = `${folder}/publicpool_testnet_session.jsonl`;
  const pool = `${folder}/espminer_pool_messages.jsonl`;
  const dialects = "07-stratum-and-miner-api/stratum-gpu-dialects";
  const readLines = (path: string) => readRecorded(path).split("\n").filter(Boolean);

  testWith(recordedData(session), "every line of a recorded testnet session is understood", () => {
    const lines = readLines(session).map((text) => (JSON.parse(text) as { line: string }).line);
    const kinds = lines.map((line) => parseLine(line).kind);
    expect(kinds).toEqual([
      "subscribe",
      "response",
      "configure",
      "response",
      "authorize",
      "response",
      "suggest-difficulty",
      "set-difficulty",
      "notify",
      "submit",
      "response",
    ]);
  });

  testWith(recordedData(pool), "every line of several pools is understood", () => {
    const messages = readLines(pool).map(parseLine);
    expect(messages.length).toBeGreaterThan(10);
    expect(messages.filter(({ kind }) => kind === "malformed")).toEqual([]);
  });

  testWith(recordedData(`${dialects}/KawPow_NiceHash_v1.0.jsonl`), "a line of another dialect is no crash", () => {
    for (const name of ["KawPow_NiceHash_v1.0", "EthereumStratum_NiceHash_v1.0.0", "XelisHashV2_NiceHash_v1.0"])
      for (const line of readLines(`${dialects}/${name}.jsonl`)) expect(parseLine(line).kind).toBeTypeOf("string");
  });
});
