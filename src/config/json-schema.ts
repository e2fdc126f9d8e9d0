import { z } from "zod";
import { createSchema } from "./schema.ts";

/** The JSON Schema of rig.yaml as editors read it: draft 7, what a person may write rather than what loading makes of it. */
export function toJsonSchema(): Record<string, unknown> {
  const { $schema, ...schema } = z.toJSONSchema(createSchema("/"), { io: "input", target: "draft-7" });
  return { $schema, title: "Rigshift rig.yaml", ...schema };
}
