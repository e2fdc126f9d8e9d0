import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { PrivateEngine } from "../engine.ts";
import { identityOf } from "../engine-slot.ts";

// Starts an Engine of another run, with a frozen container and a network, says what there is, and waits to be killed.
process.env.RIGSHIFT_TEST_RUN = identityOf(process.pid);
const engine = await PrivateEngine.start({ liveRestore: true });
execFileSync(`${import.meta.dirname}/../../../docker/base/build`, [], {
  env: { ...process.env, DOCKER_HOST: engine.host },
  stdio: "ignore",
});
const network = await engine.docker("network", "create", "left");
const command = ["rigshift/base:node24", "node", "-e", "setInterval(()=>{},1e6)"];
const container = await engine.docker("run", "--detach", "--network", "left", ...command);
await engine.docker("pause", container);
const pid = Number(await engine.docker("inspect", "--format", "{{.State.Pid}}", container));
// Whoever takes the place next has a folder of the same name, but no container of the same id in it.
const folder = join(engine.slot.folder, "data/containers", container);
const said = { folder, bridge: `br-${network.slice(0, 12)}`, pids: [pid, engine.pid] };
process.stdout.write(`${JSON.stringify(said)}\n`);
setInterval(() => {}, 1e6);
