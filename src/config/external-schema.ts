import { z } from "zod";
import { usdPerHour } from "../units/money.ts";
import { seconds } from "../units/time.ts";
import { choice, flag, list, number, path, section, text } from "./fields.ts";

const DAY_S = 86_400;
const METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"] as const;
/** What may stand in the file itself; every other header is taken to be a secret. */
const PLAIN_HEADERS: readonly string[] = ["accept", "content-type", "user-agent"];
/** What other words for work and its owners mean already. */
const TAKEN = ["guest", "hashing", "inference", "lease", "external", "none"];

const argument = () =>
  z.string({ error: "a program or one of its arguments" }).regex(/^[^\0]{1,4096}$/, {
    error: "a program or one of its arguments",
  });
/** Not a text: no shell is there to take it apart. */
const words = () => {
  const error = "a list of program and arguments, such as [/usr/local/bin/rented, --quiet]";
  return z.array(argument(), { error }).max(32, { error });
};
const pointer = () => text(/^(\/[^/]*)*$/, 'a JSON pointer such as "/config/rental_status"');
const hostName = () => text(/^[A-Za-z0-9.:_-]{1,253}$/, 'a host such as "rental.lan"');

const address = () => {
  const error = 'an address such as "https://api.example.org/rented"';
  return text(/^https?:\/\/[^\s@]{1,450}$/, error).refine((url) => URL.canParse(url.replaceAll("{gpu}", "0")), {
    error,
  });
};

/** A secret with what goes before it, such as `Bearer `. */
const headerSecrets = (base: string) => {
  const prefix = text(/^[\x20-\x7e]{0,64}$/, "the words before the secret").default("");
  const env = z.string().regex(/^[A-Za-z_][A-Za-z0-9_]{0,127}$/);
  return [
    z
      .strictObject({ file: path(base), prefix })
      .transform((one) => ({ prefix: one.prefix, secret: { file: one.file } })),
    z.strictObject({ env, prefix }).transform((one) => ({ prefix: one.prefix, secret: { env: one.env } })),
  ] as const;
};

const headers = (base: string) => {
  const name = text(/^[A-Za-z0-9-]{1,64}$/, "a header's name");
  const error = `{ file: <path> } or { env: <NAME> }, or text for ${PLAIN_HEADERS.join(", ")}`;
  const value = z.union([text(/^[\x20-\x7e]{1,512}$/, error), ...headerSecrets(base)], { error });
  return z
    .record(name, value, { error: "headers by name" })
    .refine((all) => Object.keys(all).length <= 16, { error: "at most 16 headers" })
    .superRefine((all, context) => {
      for (const [key, one] of Object.entries(all))
        if (typeof one === "string" && !PLAIN_HEADERS.includes(key.toLowerCase()))
          context.addIssue({ code: "custom", path: [key], message: error });
    });
};

const call = (base: string, usualTimeoutS: number) => ({
  command: z
    .exactOptional(words().refine(([program]) => program?.startsWith("/") === true, "a program by its absolute path"))
    .describe("Program and arguments; no shell reads them. What it writes is the answer, its exit code 0 is success."),
  url: z.exactOptional(address()).describe("Instead of command; {gpu} stands for the GPU's UUID."),
  method: choice(METHODS).default("GET"),
  headers: headers(base).default({}),
  body: z.exactOptional(text(/^[^\0]{1,512}$/, "at most 512 characters")),
  timeoutS: number(0.5, 600, "seconds").default(usualTimeoutS),
});

interface CallFields<Headers> {
  readonly command?: readonly string[];
  readonly url?: string;
  readonly method: (typeof METHODS)[number];
  readonly headers: Headers;
  readonly body?: string;
  readonly timeoutS: number;
}

const isOneCall = ({ command, url }: { readonly command?: readonly string[]; readonly url?: string }): boolean =>
  (command === undefined) !== (url === undefined);
const ONE_CALL = { path: ["command"], error: "either command or url" };

function toHook<Headers>({ command, url, method, headers: sent, body, timeoutS }: CallFields<Headers>) {
  const timeout = seconds(timeoutS);
  if (command !== undefined) return { kind: "command" as const, command, timeout };
  return { kind: "web" as const, url: url ?? "", method, headers: sent, body, timeout };
}

const act = (base: string) => section(call(base, 60)).refine(isOneCall, ONE_CALL).transform(toHook);

const question = (base: string, usualEveryS: number, usualMaxAgeS: number) => ({
  ...call(base, 5),
  pointer: z.exactOptional(pointer()).describe("Where in the JSON the answer stands; the whole of it when absent."),
  everyS: number(1, 3600, "seconds").default(usualEveryS).describe("Between two questions."),
  maxAgeS: number(5, DAY_S, "seconds").default(usualMaxAgeS).describe("Older than that an answer is not believed."),
});

interface QuestionFields<Headers> extends CallFields<Headers> {
  readonly pointer?: string;
  readonly everyS: number;
  readonly maxAgeS: number;
}

const toQuestion = <Headers>({ pointer: at, everyS, maxAgeS, ...rest }: QuestionFields<Headers>) => ({
  hook: toHook(rest),
  pointer: at,
  every: seconds(everyS),
  maxAge: seconds(maxAgeS),
});

interface Ages {
  readonly everyS: number;
  readonly timeoutS: number;
  readonly maxAgeS: number;
}

const isAgeable = ({ everyS, timeoutS, maxAgeS }: Ages): boolean => maxAgeS > everyS + timeoutS;
const AGE = { path: ["maxAgeS"], error: "longer than everyS and timeoutS together" };

const busy = (base: string) =>
  section(question(base, 5, 60))
    .refine(isOneCall, ONE_CALL)
    .refine(isAgeable, AGE)
    .transform(toQuestion);

const earnings = (base: string) =>
  section({
    ...question(base, 60, 600),
    per: choice(["hour", "day"]).default("hour").describe("What the figure is for."),
  })
    .refine(isOneCall, ONE_CALL)
    .refine(isAgeable, AGE)
    .transform(({ per, ...rest }) => ({ ...toQuestion(rest), per }));

const percent = (max: number) => number(0, max, "percent");

const external = (base: string) =>
  section({
    name: text(/^[\w.-]{1,64}$/, "at most 64 letters, digits and . _ -").refine((name) => !TAKEN.includes(name), {
      error: `another name than ${TAKEN.join(", ")}`,
    }),
    gpus: z
      .exactOptional(
        list(text(/^(GPU|CPU|SIM)-[\w-]{1,80}$/, "a UUID that `rigshift gpus` lists"), 64).min(1, "at least one GPU"),
      )
      .describe("All of the rig's when absent."),
    asSet: flag().default(false).describe("All of these GPUs at once or none; else each one is its own."),
    start: z.exactOptional(act(base)).describe("Without start and stop it comes and goes by itself, and busy tells."),
    stop: z.exactOptional(act(base)),
    busy: z.exactOptional(busy(base)).describe("Whether somebody pays to use it now; asked for each set of GPUs."),
    earnings: z.exactOptional(earnings(base)).describe("What comes in now, in USD; of all GPUs of the set together."),
    usdPerHour: z
      .exactOptional(number(0, 10_000, "USD per hour").transform(usdPerHour))
      .describe("What it pays while it is used, where earnings does not say; of all GPUs of the set together."),
    occupancyPct: percent(100).default(100).describe("Of the hours that it is really used."),
    platformCutPct: percent(90).default(0).describe("What the marketplace keeps of earnings and usdPerHour."),
    coolDownS: number(0, DAY_S, "seconds").default(60).describe("From its end to our next work on the GPU."),
    acquireTimeoutS: number(5, 900, "seconds").default(120).describe("Within it all GPUs of a set must be free."),
    privateHosts: list(hostName(), 32).default([]).describe("Hosts of urls that may stand in the house."),
  })
    .refine(({ start, stop }) => (start === undefined) === (stop === undefined), {
      path: ["stop"],
      error: "start and stop together, or neither",
    })
    .refine(({ start, busy: asks }) => start !== undefined || asks !== undefined, {
      path: ["busy"],
      error: "how to tell that it is used, because without start nothing else does",
    })
    .transform(({ occupancyPct, platformCutPct, coolDownS, acquireTimeoutS, usdPerHour: rate, ...rest }) => ({
      ...rest,
      rate,
      occupancy: occupancyPct / 100,
      platformCut: platformCutPct / 100,
      coolDown: seconds(coolDownS),
      acquireTimeout: seconds(acquireTimeoutS),
    }));

/** The section `external` of rig.yaml. */
export const externals = (base: string) =>
  list(external(base), 16).refine((all) => new Set(all.map(({ name }) => name)).size === all.length, {
    error: "a name that no other entry has",
  });
