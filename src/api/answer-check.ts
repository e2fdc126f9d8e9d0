import { z } from "zod";
import { objectionOf } from "../lib/wanted.ts";
import { benchEventSchema } from "./bench.ts";
import type { AnswerName } from "./client.ts";
import { ApiError } from "./errors.ts";
import {
  curtailViewSchema,
  decisionSchema,
  energySlotSchema,
  gpuSchema,
  healthSchema,
  jobSchema,
  modeViewSchema,
  readySchema,
  rigSchema,
  transitionSchema,
  valuationSchema,
} from "./schema.ts";

const SCHEMAS: Readonly<Record<AnswerName, z.ZodType>> = {
  health: healthSchema,
  rig: rigSchema,
  gpus: z.array(gpuSchema),
  ready: readySchema,
  valuations: z.array(valuationSchema),
  decisions: z.array(decisionSchema),
  jobs: z.array(jobSchema),
  transitions: z.array(transitionSchema),
  energy: z.array(energySlotSchema),
  mode: modeViewSchema,
  curtail: curtailViewSchema,
  bench: benchEventSchema,
};

/** Throws `ERR_API_ANSWER` when `body` lacks what the answer promises; fields that a newer agent adds are no matter. */
export function checkAnswer(name: AnswerName, body: unknown): void {
  const result = SCHEMAS[name].safeParse(body);
  if (result.success) return;
  const issues = result.error.issues.filter(({ code }) => code !== "unrecognized_keys");
  if (issues.length === 0) return;
  const { path, message } = objectionOf(new z.ZodError(issues), body);
  throw new ApiError(`the answer makes no sense: ${path === undefined ? "" : `${path}: `}${message}`, {
    code: "ERR_API_ANSWER",
    mend: "see that a Rigshift agent of this version listens there: restart the agent after an update",
  });
}
