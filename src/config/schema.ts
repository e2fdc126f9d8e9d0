import { z } from "zod";
import { watts } from "../units/energy.ts";
import { toUsdNano, usdPerMillionTokens } from "../units/money.ts";
import { seconds } from "../units/time.ts";
import { checkSources } from "./coin-sources.ts";
import { externals } from "./external-schema.ts";
import {
  choice,
  flag,
  gatewayAddress,
  isLoopback,
  list,
  listenAddress,
  number,
  path,
  pinnedImage,
  section,
  text,
  whole,
} from "./fields.ts";
import { mining } from "./mining-schema.ts";
import { electricity, market } from "./price-schema.ts";
import { checkProfiles } from "./profile-sheets.ts";

const DAY_S = 86_400;

const duration = (min: number, max: number) => number(min, max, "seconds");
const power = (max: number) => number(0, max, "watts").transform(watts);
const perMillionTokens = () => number(0, 10_000, "USD per million tokens").transform(usdPerMillionTokens);

const http = (base: string) =>
  section({
    listen: listenAddress().prefault("127.0.0.1:7410").describe("Address and port; port 0 takes any free one."),
    tls: z.exactOptional(section({ certFile: path(base), keyFile: path(base) })),
    allowedHosts: list(text(/^[A-Za-z0-9.-]{1,253}(:\d{1,5})?$/, 'a host name such as "rig.lan"'), 32)
      .default([])
      .describe("Host headers to accept beside the listening address."),
    customerKeysFile: z.exactOptional(path(base)).describe("API keys of the customers of the OpenAI endpoint."),
  })
    .refine(({ listen, tls }) => isLoopback(listen.host) || tls !== undefined, {
      path: ["tls"],
      error: "{ certFile, keyFile }, because listen is not a loopback address",
    })
    .prefault({});

const meterUrl = () =>
  text(/^https?:\/\/[^\s@]{1,400}$/, 'an address such as "http://192.168.1.20/"').refine((url) => URL.canParse(url), {
    error: 'an address such as "http://192.168.1.20/"',
  });
const jsonPointer = () => text(/^(\/[^/]*)*$/, 'a JSON pointer such as "/ENERGY/Power"');

const wallMeter = () =>
  z.discriminatedUnion(
    "kind",
    [
      section({ kind: z.literal("shelly-gen1"), url: meterUrl() }),
      section({
        kind: z.literal("shelly-gen2"),
        url: meterUrl(),
        channel: whole(0, 15, "").default(0).describe("Of a device with several."),
      }),
      section({ kind: z.literal("tasmota"), url: meterUrl() }),
      section({
        kind: z.literal("http-json"),
        url: meterUrl(),
        power: jsonPointer().describe("Where the watts stand."),
        totalKwh: z.exactOptional(jsonPointer().describe("Where a total in kilowatt-hours stands.")),
      }),
    ],
    { error: "a mapping with kind: shelly-gen1, shelly-gen2, tasmota or http-json" },
  );

const card = () =>
  section({
    gpu: text(/^(GPU|CPU|SIM)-[\w-]{1,80}$/, "a UUID that `rigshift gpus` lists"),
    gain: number(0.5, 2).default(1).describe("Watts at a trusted meter per watt that the card reports."),
    errorPct: number(0.1, 50, "percent").default(1.5).describe("What is left after that."),
  });

const megahertz = () => whole(1, 20_000, "MHz");

const profile = () =>
  section({
    gpu: z
      .exactOptional(text(/^(GPU|SIM)-[\w-]{1,80}$/, "a UUID that `rigshift gpus` lists"))
      .describe("Every GPU when absent."),
    role: choice(["hashing", "serving"]),
    sheet: z
      .exactOptional(text(/^[a-z0-9][a-z0-9-]{0,31}$/, "the name of a flight sheet"))
      .describe("While the GPU hashes by this flight sheet; by any when absent. A sheet's own goes before."),
    powerLimitW: z.exactOptional(number(1, 2000, "watts").transform(watts)),
    mayRaise: flag().default(false).describe("Whether that may be above the limit found at the start."),
    graphicsMhz: z.exactOptional(megahertz()).describe("Locks the clock of the cores."),
    memoryMhz: z.exactOptional(megahertz()).describe("Locks the clock of the memory."),
  }).transform(({ powerLimitW, ...rest }) => ({ ...rest, powerLimit: powerLimitW }));

const supply = () =>
  section({
    name: text(/^[\w.-]{1,64}$/, "at most 64 letters, digits and . _ -"),
    maxW: power(100_000),
    gpus: list(text(/^(GPU|CPU|SIM)-[\w-]{1,80}$/, "a UUID that `rigshift gpus` lists"), 64),
  }).transform(({ maxW, ...rest }) => ({ ...rest, maxPower: maxW }));

const powerModel = () =>
  section({
    cpu: section({
      idleW: power(2000).prefault(10),
      maxW: power(2000).prefault(65),
    })
      .refine(({ idleW, maxW }) => idleW <= maxW, { path: ["maxW"], error: "at least as many watts as idleW" })
      .transform(({ idleW, maxW }) => ({ idle: idleW, max: maxW }))
      .prefault({})
      .describe("The model of a CPU without an energy counter: from idle to all cores busy."),
    wall: section({
      baseW: power(5000).prefault(0).describe("What the rig draws beside its GPUs."),
      efficiency: number(0.5, 1).default(0.9).describe("Of the power supply."),
      meter: z.exactOptional(wallMeter()).describe("Between the socket and the rig; read every ten seconds."),
    })
      .transform(({ baseW, ...rest }) => ({ base: baseW, ...rest }))
      .prefault({})
      .describe("From the GPUs to the socket; a meter's readings replace baseW and efficiency once there are enough."),
    budget: section({
      maxW: z.exactOptional(power(100_000)).describe("Of all GPUs' boards together; no limit when absent."),
      startEveryS: duration(0, 600).default(0).describe("From one GPU's start to the next one's."),
      supplies: list(supply(), 16).default([]).describe("Power supplies that feed only some of the GPUs."),
    })
      .transform(({ maxW, startEveryS, supplies }) => ({ maxPower: maxW, startEvery: seconds(startEveryS), supplies }))
      .prefault({})
      .describe("What may be drawn at once, counted by each GPU's power limit while it works."),
    tool: choice(["auto", "nvml", "hive", "off"])
      .default("auto")
      .describe("What sets profiles: on Hive OS its own nvtool, else the driver; off sets nothing."),
    profiles: list(profile(), 64)
      .default([])
      .describe("Power limit and clocks while a GPU works; set back afterwards. Needs the right to change them."),
    cards: list(card(), 64).default([]).describe("Cards that were held against a trusted meter."),
  }).prefault({});

const engine = (base: string) =>
  section({
    kind: choice(["builtin"]),
    modelFile: path(base).describe("A GGUF file; with image, its absolute path inside the image."),
    image: z.exactOptional(pinnedImage().describe("Runs the engine in a container of this image, without a network.")),
    memoryMiB: whole(256, 1_048_576, "MiB").default(8192).describe("What the engine's container may use."),
    sha256: z.exactOptional(text(/^[0-9a-f]{64}$/, "64 lower-case hexadecimal digits")),
    name: z.exactOptional(text(/^[\w.:/-]{1,128}$/, "a model name of letters, digits and . : / _ -")),
    contextTokens: z.exactOptional(whole(128, 1_048_576, "tokens")),
    gpu: choice(["auto", "off"]).default("auto"),
    threads: z.exactOptional(whole(1, 1024, "threads")),
  });

const inference = (base: string) =>
  section({
    enabled: flag().default(true),
    engine: z.exactOptional(engine(base)),
    usdPerMillionTokensIn: perMillionTokens().prefault(0),
    usdPerMillionTokensOut: perMillionTokens().prefault(0),
    wakeValueUsd: number(0, 1000, "USD")
      .prefault(0)
      .describe("Added to what is queued when weighing whether to wake the engine."),
    maxWaitS: duration(0, 3600).prefault(30).describe("How long a request waits for the engine before it is refused."),
    drainTimeoutS: duration(0, 3600).prefault(30),
    queueLimit: whole(1, 10_000, "requests").default(64),
  })
    .transform((fields, context) => {
      if (!fields.enabled) return undefined;
      if (fields.engine) return toInference({ ...fields, engine: fields.engine });
      context.addIssue({
        code: "custom",
        path: ["engine"],
        message: "the engine that answers, or enabled: false",
        input: undefined,
      });
      return z.NEVER;
    })
    .prefault({ enabled: false });

interface InferenceFields<Engine> {
  readonly engine: Engine;
  readonly usdPerMillionTokensIn: ReturnType<typeof usdPerMillionTokens>;
  readonly usdPerMillionTokensOut: ReturnType<typeof usdPerMillionTokens>;
  readonly wakeValueUsd: number;
  readonly maxWaitS: number;
  readonly drainTimeoutS: number;
  readonly queueLimit: number;
}

const toInference = <Engine>(fields: InferenceFields<Engine>) => ({
  engine: fields.engine,
  priceIn: fields.usdPerMillionTokensIn,
  priceOut: fields.usdPerMillionTokensOut,
  wakeValue: toUsdNano(fields.wakeValueUsd),
  maxWait: seconds(fields.maxWaitS),
  drainTimeout: seconds(fields.drainTimeoutS),
  queueLimit: fields.queueLimit,
});

const policy = () =>
  section({
    minDwellS: duration(0, DAY_S).default(60).describe("After a switch for prices, no other one for this long."),
    wearUsdPerSwitch: number(0.000001, 10, "USD").default(0.0005),
    maxSwitchesPerDay: whole(1, 10_000, "switches").default(20),
    maxGapSwitchesPerHour: whole(1, 3600, "switches").default(12),
    lending: choice(["auto", "on", "off"]).default("auto").describe("Whether hashing gets the gaps between requests."),
    pauseBetweenS: duration(0, 600)
      .default(0)
      .describe(
        "On one GPU, from the end of one program to the start of the next; one that stays resident does not end.",
      ),
  })
    .transform(({ minDwellS, wearUsdPerSwitch, pauseBetweenS, ...rest }) => ({
      ...rest,
      pauseBetween: seconds(pauseBetweenS),
      minDwell: seconds(minDwellS),
      wearPerSwitch: toUsdNano(wearUsdPerSwitch),
    }))
    .prefault({});

const workloads = () =>
  section({
    docker: section({
      host: z
        .exactOptional(text(/^(unix:\/\/\/|tcp:\/\/)[^\s@]{1,400}$/, "unix:///path or tcp://host:port"))
        .describe("Else DOCKER_HOST, else unix:///var/run/docker.sock; tcp:// needs DOCKER_TLS_VERIFY=1."),
      images: list(pinnedImage(), 256).default([]).describe("No other image is ever run."),
      pull: flag().default(false).describe("Whether an image of the list that is missing is fetched by its digest."),
      minerAddress: gatewayAddress()
        .prefault("10.82.71.1:3433")
        .describe("Where miners in containers reach the Stratum proxy; their network is the /24 around it."),
    }).prefault({}),
  }).prefault({});

/** A section with a fault of its own comes here as it was written. */
interface ImageUse {
  readonly workloads: { readonly docker: { readonly images: readonly string[] } };
  readonly mining?:
    | { readonly isPlain?: boolean; readonly sheets?: readonly { readonly image?: string }[] }
    | undefined;
  readonly inference?: { readonly engine: { readonly image?: string } } | undefined;
}

/** Names the first image that is used but not on the list. */
function checkImages(
  { workloads: { docker }, mining: hashing, inference: serving }: ImageUse,
  context: z.RefinementCtx,
) {
  const sheets = hashing?.sheets?.map(({ image }, index) => {
    const at = hashing.isPlain === true ? [] : ["sheets", index];
    return [image, ["mining", ...at, "image"]] as const;
  });
  const used = [...(sheets ?? []), [serving?.engine.image, ["inference", "engine", "image"]]] as const;
  for (const [image, where] of used) {
    if (image === undefined || docker.images.includes(image)) continue;
    context.addIssue({ code: "custom", path: [...where], message: "an image of workloads.docker.images" });
  }
}

const guests = () =>
  section({
    ignore: list(text(/^[^\s/]{1,128}$/, "a program's name as `ps -o comm` shows it, or a container's"), 64)
      .default([])
      .describe("Programs and containers that may use a GPU beside ours, such as a monitor; usual desktops are known."),
    coolDownS: duration(0, DAY_S).default(60).describe("From a guest's last sight to our next work on the GPU."),
    promiseS: duration(0, DAY_S)
      .default(900)
      .describe("How long a container that was given every GPU counts as a guest without using this one."),
  })
    .transform(({ ignore, coolDownS, promiseS }) => ({
      ignore,
      coolDown: seconds(coolDownS),
      promise: seconds(promiseS),
    }))
    .prefault({});

/** Off unless the operator names the command. */
const reboot = () =>
  section({
    command: list(text(/^[^\0]{1,4096}$/, "a program or one of its arguments"), 32)
      .refine(([program]) => program?.startsWith("/") === true, "a program by its absolute path")
      .describe("Program and arguments that reboot the machine; no shell reads them."),
    maxPerDay: whole(1, 24).default(2).describe("With more GPU faults than this in 24 hours, no reboot mends them."),
    afterS: duration(30, DAY_S).default(300).describe("How long a GPU must have been lost."),
    whileOthersEarn: flag()
      .default(false)
      .describe("Reboot although another GPU is at work; never while a guest has one."),
  }).transform(({ afterS, ...rest }) => ({ ...rest, after: seconds(afterS) }));

/** The whole of rig.yaml, version 1; relative paths are taken from `base`. */
export const createSchema = (base: string) =>
  section({
    version: z.literal(1, { error: "1" }).describe("Of this format."),
    rig: section({
      name: text(/^[\w.-]{1,64}$/, "at most 64 letters, digits and . _ -").default("rig"),
    }).prefault({}),
    mode: choice(["observe", "auto", "mine", "serve", "pause"])
      .default("observe")
      .describe("observe decides and books, and touches nothing on the rig; auto acts."),
    dataDir: z
      .exactOptional(path(base))
      .describe("Else $RIGSHIFT_HOME, else /var/lib/rigshift under systemd as root, else .rigshift beside this file."),
    http: http(base),
    electricity: electricity(base),
    market: market(base),
    gpus: section({
      source: choice(["auto", "nvml", "nvidia-smi", "cpu", "simulated"])
        .default("auto")
        .describe(
          "auto takes the driver's library, else its program, else the CPU; simulated GPUs only exist in a script.",
        ),
      script: z.exactOptional(path(base)).describe("What the simulated GPUs do, in time."),
    })
      .refine(({ source, script }) => script === undefined || source === "simulated", {
        path: ["script"],
        error: "no script, because source is not simulated",
      })
      .prefault({}),
    power: powerModel(),
    mining: mining(base),
    inference: inference(base),
    policy: policy(),
    guests: guests().describe("Whoever else uses the rig's GPUs: our work makes room, theirs is not touched."),
    external: externals(base)
      .default([])
      .describe("Rentals and programs beside Rigshift's own work: started where they pay more, or made room for."),
    reboot: reboot().optional().describe("What to do when a GPU stays lost: by default nothing."),
    workloads: workloads(),
    log: section({ level: choice(["debug", "info", "warn", "error"]).default("info") }).prefault({}),
  })
    .superRefine(checkImages)
    .superRefine(checkSources)
    .superRefine(checkProfiles);
