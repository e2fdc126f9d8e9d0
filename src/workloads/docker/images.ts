import { z } from "zod";
import { toPrintable } from "../../lib/errors.ts";
import type { Logger } from "../../lib/logger.ts";
import { minutes } from "../../units/time.ts";
import { ContainerError } from "../errors.ts";
import { parsed } from "./containers.ts";
import { type Engine, wasRefusedWith, withSignal } from "./engine.ts";
import { checkImage, checkImageVolumes, type ImagePolicy, isPinned } from "./image-policy.ts";
import { forEachLine } from "./text-streams.ts";

/** How far the pull of an image is; `percent` only once every layer's size is known. */
export interface PullProgress {
  readonly image: string;
  readonly layersDone: number;
  readonly layers: number;
  readonly percent: number | undefined;
}

const LONGEST_PULL = minutes(60);
const LONGEST_LINE = 16_384;
const MOST_LAYERS = 1024;

const imageSchema = z.looseObject({
  Id: z.string(),
  Config: z.looseObject({ Volumes: z.record(z.string(), z.unknown()).nullish() }).nullish(),
});

const lineSchema = z.looseObject({
  id: z.string().max(128).optional(),
  status: z.string().max(512).optional(),
  error: z.string().optional(),
  progressDetail: z
    .looseObject({ current: z.number().nonnegative().optional(), total: z.number().positive().optional() })
    .optional(),
});

export interface ImageParts {
  readonly engine: Engine;
  readonly policy: ImagePolicy;
  readonly logger: Logger;
  readonly onProgress: (progress: PullProgress) => void;
}

/** Makes sure that `image` may run and is there; a missing one is fetched by its digest where the policy says so. */
export async function ensureImage(image: string, parts: ImageParts, signal: AbortSignal): Promise<void> {
  const { engine, policy, logger } = parts;
  checkImage(image, policy);
  if (await isPresent(engine, image, signal)) return;
  if (!policy.pull || !isPinned(image)) {
    const mend = isPinned(image) ? `fetch it: docker pull ${image}` : "build or load it";
    throw new ContainerError(`image ${image} is not on this machine`, {
      code: "ERR_IMAGE_MISSING",
      mend,
      retryable: false,
    });
  }
  logger.info("fetching an image", { image });
  await pull(image, parts, signal);
  if (!(await isPresent(engine, image, signal))) throw pullFailed(image, "it is still missing afterwards");
}

/** Whether the image is on the Engine's machine; throws `ERR_IMAGE_NOT_ALLOWED` for one that brings volumes of its own. */
export async function isPresent(engine: Engine, image: string, signal: AbortSignal): Promise<boolean> {
  try {
    const answer = await engine.read("describe an image", signal, (docker, abortSignal) =>
      docker.getImage(image).inspect(withSignal({}, abortSignal)),
    );
    checkImageVolumes(image, Object.keys(parsed(imageSchema, answer).Config?.Volumes ?? {}));
    return true;
  } catch (error) {
    if (wasRefusedWith(error, 404)) return false;
    throw error;
  }
}

async function pull(image: string, { engine, onProgress }: ImageParts, signal: AbortSignal): Promise<void> {
  const longest = AbortSignal.any([signal, AbortSignal.timeout(LONGEST_PULL)]);
  try {
    const { stream, close } = await engine.open("fetch an image", longest, (docker, abortSignal) =>
      docker.pull(image, { abortSignal }),
    );
    const layers = new Layers(image);
    let fault: string | undefined;
    const stop = () => close();
    longest.addEventListener("abort", stop, { once: true });
    await forEachLine(stream, LONGEST_LINE, (line) => {
      const step = parseStep(line);
      fault ??= step?.error;
      if (step && layers.take(step)) onProgress(layers.progress());
    });
    longest.removeEventListener("abort", stop);
    signal.throwIfAborted();
    if (longest.aborted) throw pullFailed(image, `it took longer than ${LONGEST_PULL / 60_000} minutes`);
    if (fault !== undefined) throw pullFailed(image, toPrintable(fault).slice(0, 300));
  } catch (error) {
    if (wasRefusedWith(error, 404, 400, 403, 500)) throw pullFailed(image, error.message, error);
    throw error;
  }
}

function parseStep(line: string): z.infer<typeof lineSchema> | undefined {
  try {
    return lineSchema.safeParse(JSON.parse(line)).data;
  } catch {
    // A line that says nothing is no progress.
    return undefined;
  }
}

/** Sums up what the Engine tells of every layer. */
class Layers {
  readonly #image: string;
  readonly #bytes = new Map<string, { current: number; total: number | undefined; done: boolean }>();

  constructor(image: string) {
    this.#image = image;
  }

  /** Whether the step told something of a layer. */
  take({ id, status = "", progressDetail = {} }: z.infer<typeof lineSchema>): boolean {
    if (id === undefined || (!this.#bytes.has(id) && this.#bytes.size >= MOST_LAYERS)) return false;
    if (status.startsWith("Pulling from")) return false;
    const before = this.#bytes.get(id);
    const done = /^(Pull complete|Already exists|Download complete)/.test(status);
    const total = progressDetail.total ?? before?.total;
    const current = done ? (total ?? 0) : Math.max(before?.current ?? 0, progressDetail.current ?? 0);
    this.#bytes.set(id, { current, total, done: done || before?.done === true });
    return true;
  }

  progress(): PullProgress {
    const layers = [...this.#bytes.values()];
    const open = layers.filter(({ done, total }) => !done && total === undefined).length;
    const sum = (of: (layer: { current: number; total: number | undefined }) => number) =>
      layers.reduce((total, layer) => total + of(layer), 0);
    const total = sum((layer) => layer.total ?? 0);
    return {
      image: this.#image,
      layers: layers.length,
      layersDone: layers.filter(({ done }) => done).length,
      percent: open > 0 || total === 0 ? undefined : Math.min(100, (sum(({ current }) => current) / total) * 100),
    };
  }
}

const pullFailed = (image: string, why: string, cause?: unknown): ContainerError =>
  new ContainerError(
    `image ${image} cannot be fetched: ${why}`,
    { code: "ERR_IMAGE_PULL", mend: `try by hand: docker pull ${image}`, retryable: true },
    { cause },
  );
