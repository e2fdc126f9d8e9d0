import { z } from "zod";
import type { GpuUuid } from "../../ledger/rows.ts";
import { sayWanted } from "../../lib/wanted.ts";
import type { ContainerPart, WorkSpec } from "../driver.ts";
import { ContainerError } from "../errors.ts";

/** Where the folder with the work's own socket is mounted. */
export const SOCKET_FOLDER = "/run/rigshift";

const MIB_OF_1_TIB = 1024 * 1024;
/** What would hide or replace parts of the container that its isolation rests on. */
const RESERVED = /^\/(proc|sys|dev|run|etc|bin|sbin|lib|lib32|lib64|libx32|usr|boot|tmp)?(\/|$)/;

const argument = z
  .string()
  .max(32_768)
  .refine((text) => !text.includes("\0"), "text without a zero byte");
const mib = (min: number, max = MIB_OF_1_TIB) => z.int().min(min).max(max);

const volume = z.strictObject({
  volume: z.string().regex(/^rigshift-[a-z0-9][a-z0-9_.-]{0,63}$/, "a volume named rigshift-…"),
  target: z
    .string()
    .max(255)
    .regex(/^(\/[A-Za-z0-9_.-]+)+$/, "an absolute path")
    .refine((path) => !path.split("/").some((part) => part === "." || part === ".."), "a path without . and ..")
    .refine((path) => !RESERVED.test(path), "a path outside the system's own folders"),
  writable: z.boolean().optional(),
});

const socketFile = z.string().regex(/^[a-z0-9][a-z0-9.-]{0,31}$/, "a short file name");

const ready = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("announced"), file: socketFile.optional() }),
  z.strictObject({ kind: z.literal("port"), port: z.int().min(1).max(65_535) }),
  z.strictObject({ kind: z.literal("socket"), file: socketFile }),
  z.strictObject({ kind: z.literal("healthy") }),
  z.strictObject({ kind: z.literal("running") }),
]);

const container = z
  .strictObject({
    image: z.string(),
    profile: z.enum(["strangers", "operator"]),
    gpus: z
      .array(z.string().regex(/^(GPU|MIG)-[0-9a-f][0-9a-f-]{0,63}$/, "the UUID of a GPU") as z.ZodType<GpuUuid>)
      .max(64)
      .refine((all) => new Set(all).size === all.length, "every GPU once"),
    limits: z.strictObject({
      memoryMiB: mib(16),
      cpus: z.number().min(0.05).max(1024),
      pids: z.int().min(8).max(32_768),
      tmpMiB: mib(1).optional(),
      shmMiB: mib(1).optional(),
      logMiB: mib(1, 1024).optional(),
    }),
    ready,
    volumes: z.array(volume).max(16).optional(),
    user: z
      .string()
      .regex(/^[1-9]\d{0,8}:[1-9]\d{0,8}$/, "numbers uid:gid, neither of them 0")
      .optional(),
    stopSignal: z.enum(["SIGTERM", "SIGINT", "SIGQUIT"]).optional(),
    gpuProbe: z.array(argument).min(1).max(64).optional(),
  })
  .refine(({ profile, ready: { kind } }) => profile === "operator" || kind !== "port", {
    path: ["ready"],
    error: "anything but a port, because work for strangers has no network",
  })
  .refine(({ profile, volumes }) => profile === "operator" || !volumes?.some(({ writable }) => writable), {
    path: ["volumes"],
    error: "read-only volumes, because strangers could fill the disk",
  });

const schema = z.object({
  name: z.string().regex(/^[\x21-\x7e]{1,128}$/, "a name of 1 to 128 printable characters"),
  role: z.enum(["miner", "engine"]),
  sheet: z.string().max(64).optional(),
  command: argument,
  args: z.array(argument).max(1024),
  env: z
    .record(
      z
        .string()
        .regex(/^[A-Za-z_][A-Za-z0-9_]{0,127}$/, "a variable's name")
        .refine((name) => !/^NVIDIA_/i.test(name), "no NVIDIA_ variable, because they decide which GPUs it sees"),
      argument,
    )
    .optional(),
  stopTimeout: z.number().min(0).max(3_600_000),
  container,
});

/** A spec whose every field was checked; only such a one becomes a container. */
export type ContainerSpec = WorkSpec & { readonly container: ContainerPart };

/** Throws with the field and what it wants, whatever the types promised. */
export function checkSpec(spec: WorkSpec): asserts spec is ContainerSpec {
  const parsed = schema.safeParse(spec);
  if (parsed.success) return;
  const [issue] = parsed.error.issues;
  const field = issue?.path.map(String).join(".").slice(0, 120) || "spec";
  throw new ContainerError(`${field}: wanted ${issue === undefined ? "something else" : sayWanted(issue)}`, {
    code: "ERR_CONTAINER_SPEC",
    mend: `correct ${field} in what describes the container`,
    retryable: false,
  });
}
