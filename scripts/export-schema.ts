import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { repositoryRoot } from "../src/config/default.ts";
import { toJsonSchema } from "../src/config/json-schema.ts";

writeFileSync(join(repositoryRoot, "rig.schema.json"), `${JSON.stringify(toJsonSchema(), undefined, 2)}\n`);
