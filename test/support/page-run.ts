import { buildWeb } from "../../scripts/build-web.ts";

/** Builds the status page before any test runs, so that no two of them build it at once. */
export async function setup(): Promise<void> {
  await buildWeb();
}
