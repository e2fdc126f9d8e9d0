import { z } from "zod";
import { ContainerError } from "../errors.ts";

/** The range of the Engine API that this driver was written for. */
const OLDEST = 41;
const NEWEST = 51;

const version = z.string().regex(/^1\.\d{1,3}$/);
const schema = z.looseObject({
  Version: z.string().max(128).catch("unknown"),
  ApiVersion: version,
  MinAPIVersion: version.optional().catch(undefined),
});

export interface EngineVersion {
  readonly engine: string;
  /** The version to speak, such as "1.41". */
  readonly api: string;
}

/** From the Engine's answer to /version: the newest API that both sides know. */
export function negotiate(answer: unknown): EngineVersion {
  const parsed = schema.safeParse(answer);
  if (!parsed.success) {
    throw new ContainerError(`the Docker Engine's /version has no usable ${parsed.error.issues[0]?.path.join(".")}`, {
      code: "ERR_DOCKER_ANSWER",
      mend: "check that DOCKER_HOST leads to a Docker Engine",
      retryable: false,
    });
  }
  const { Version: engine, ApiVersion, MinAPIVersion } = parsed.data;
  const newest = minorOf(ApiVersion);
  const oldest = MinAPIVersion === undefined ? 0 : minorOf(MinAPIVersion);
  if (newest < OLDEST) throw unfit(engine, `speaks API ${ApiVersion} only, and 1.${OLDEST} is needed`, "update it");
  if (oldest > NEWEST) throw unfit(engine, `speaks API ${MinAPIVersion} and later only`, "update Rigshift");
  return { engine, api: `1.${Math.min(newest, NEWEST)}` };
}

/** The number after the dot: the major version of the API has been 1 since 2013. */
export const minorOf = (api: string): number => Number(api.slice(2));

const unfit = (engine: string, what: string, mend: string): ContainerError =>
  new ContainerError(`Docker Engine ${engine} ${what}`, { code: "ERR_DOCKER_VERSION", mend, retryable: false });
