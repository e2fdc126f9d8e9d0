import { randomUUID } from "node:crypto";
import { rmSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { basename, join } from "node:path";
import packageJson from "../package.json" with { type: "json" };
import { type AgentFile, agentFilePath } from "./api/agent-file.ts";
import { ShareTally } from "./api/miner-facts.ts";
import { toPoolViews } from "./api/pool-view.ts";
import { createRigViews, type RigViews } from "./api/rig-views.ts";
import { resolveDataDir } from "./config/data-dir.ts";
import { repositoryRoot } from "./config/default.ts";
import type { Endpoint } from "./config/fields.ts";
import { loadConfig, type RigConfig } from "./config/load.ts";
import { openWallMeter } from "./energy/meters/open.ts";
import { RigPower } from "./energy/rig-power.ts";
import { machineFiles } from "./gpu/machine-files.ts";
import { openGpuSource } from "./gpu/open.ts";
import { openPowerTools } from "./gpu/power-tool.ts";
import { findHostRapl } from "./gpu/rapl.ts";
import type { GpuInfo, GpuSource } from "./gpu/source.ts";
import { httpChecks } from "./http/checks.ts";
import { readCustomerKeys } from "./http/customer-keys.ts";
import { type HttpServer, startHttp } from "./http/server.ts";
import { loadToken } from "./http/token.ts";
import { createCompletionBook } from "./inference/completion-book.ts";
import { BUILT_IN_ROUTES } from "./inference/engines/built-in.ts";
import { objectToFields } from "./inference/engines/built-in-fields.ts";
import { createGateway, type Service } from "./inference/gateway.ts";
import { checkModelFile } from "./inference/model-file.ts";
import type { Ledger } from "./ledger/ledger.ts";
import { openLedger } from "./ledger/open.ts";
import { pruneRegularly } from "./ledger/retention.ts";
import type { Mode } from "./ledger/rows.ts";
import type { Check } from "./lib/check.ts";
import { type Clock, systemClock } from "./lib/clock.ts";
import { createLogger, type Logger } from "./lib/logger.ts";
import { bookCredit } from "./market/accounts/book-credit.ts";
import { type Market, openMarket } from "./market/market.ts";
import { ApiKeys } from "./mining/miners/api-keys.ts";
import { toMinerPool } from "./mining/miners/program-run.ts";
import { type OpenSheet, openSheets, proxiesOf, reachedAt, type SheetParts } from "./mining/sheets.ts";
import type { StratumProxy } from "./mining/stratum/proxy.ts";
import { RigController, type RigParts } from "./rig/controller.ts";
import type { MiningLink } from "./rig/mining-link.ts";
import { endInTime, RunEnd } from "./rig/stop-time.ts";
import { type Watts, watts } from "./units/energy.ts";
import { millis } from "./units/time.ts";
import { hasEngineSocket } from "./workloads/docker/address.ts";
import { createDockerDriver } from "./workloads/docker.ts";
import { stopLeftovers } from "./workloads/leftovers.ts";
import { MixedDriver } from "./workloads/mixed.ts";
import { createProcessDriver } from "./workloads/process.ts";
import { runTool } from "./workloads/tool-run.ts";

const PUBLISH_EVERY = millis(500);
const USUAL_TOKENS_OUT = 128;

export interface RunningAgent {
  readonly url: string;
  readonly config: RigConfig;
  readonly dataDir: string;
  readonly gpus: readonly GpuInfo[];
}

export interface AgentOptions {
  /** Absent: the embedded default, which tries everything out without a GPU, Docker or network. */
  readonly configFile: string | undefined;
  /** Instead of `http.listen`. */
  readonly listen?: Endpoint;
  /** Instead of the configuration's. */
  readonly dataDir?: string;
  /** Stands in for every order of the operator's, those in the ledger included. */
  readonly standing?: Mode;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /** Called once the status page answers. */
  readonly onListening: (agent: RunningAgent) => void;
  readonly writeLog: (line: string) => void;
}

/** The checks of the edge that the command line, another edge, does not know. */
export const listenerChecks = ({ http }: RigConfig): readonly Check[] => httpChecks(http);

/** Builds the agent, runs it until `signal` fires, and takes it down in reverse; throws what made it stop by itself. */
export async function runAgent(options: AgentOptions, signal: AbortSignal): Promise<void> {
  const config = loadConfig(options.configFile, options.listen);
  const logger = createLogger(config.log.level, options.writeLog);
  await checkModel(config.inference);
  const end = new RunEnd(signal);
  const left = await endInTime(runToEnd({ ...options, config, logger }, end), systemClock, end.signal);
  if (left === "late") {
    logger.warn("not all ended in time: the next start goes on with what was left");
    end.throwFault();
  } else if (left.length === 0) logger.info("stopped, nothing left running");
  else logger.warn("stopped, but containers could not be: the next start sees to them", { left: left.join(", ") });
}

interface Run extends AgentOptions {
  readonly config: RigConfig;
  readonly logger: Logger;
}

/** Returns what of ours still runs when all has been taken down, in words. */
async function runToEnd(options: Run, end: RunEnd): Promise<readonly string[]> {
  const { config, logger, standing } = options;
  const clock = systemClock;
  const dataDir = dataDirOf(options);
  const market = openMarket({ config, dataDir, clock, logger });

  await using stack = new AsyncDisposableStack();
  const ledger = stack.adopt(openLedger(dataDir, { clock, logger }), (opened) => opened.close());
  closeBooks(ledger, clock, logger);
  const { signal: running, onFault } = end;
  const source = await openGpus(config, options, { clock, logger, stack });
  const shares = new ShareTally();
  let proxies: ReturnType<typeof proxiesOf> = [];
  const driver = openDrivers(config, options, { clock, logger, ledger, stack }, () => proxies);
  const mined = await openSheets(config, {
    clock,
    logger,
    stack,
    onShare: (share, sheet) => shares.count(share, sheet),
  });
  proxies = proxiesOf(mined, join(dataDir, "miner-ports.json"));
  const model = modelOf(config);
  const publisher = createPublisher();
  const shared = { config, source, ledger, clock, logger, shares };
  const gpus = await source.list(running);
  const rigPower = openRigPower({ ...shared, gpus: gpus.length });
  const parts: RigParts = {
    ...shared,
    gpus,
    ...openPowerTools(config.power.tool, { source, logger, run: runTool, env: options.env }),
    rigPower,
    market,
    driver,
    mining: mined.flatMap((open) => linkOf(open, { config, market, dataDir, proxies })),
    ...(model === undefined ? {} : { model }),
    ...(standing ? { standing } : {}),
    onChange: publisher.request,
    onFault,
  };
  const controller = new RigController(parts);
  shares.passTo((share, sheet) => controller.recordShare(share, sheet));
  const views = createRigViews({
    ...shared,
    version: packageJson.version,
    dataDir,
    controller,
    started: clock.now(),
    market,
    model,
    pools: () => mined.flatMap(toPoolViews),
  });
  const id = randomUUID();
  const http = stack.adopt(await openHttp({ parts, controller, views, dataDir, id }), (server) => server.close());
  const file = config.file === undefined ? {} : { config: config.file };
  stack.defer(announce(dataDir, { url: http.url, pid: process.pid, id, ...file }));
  options.onListening({ url: http.url, config, dataDir, gpus });
  publisher.start(() => views.publish(), onFault);
  stack.defer(() => publisher.stop());
  await stopLeftovers(ledger.processes, { clock, logger }, running);
  const prices = market.run(marketUse({ controller, rigPower, ledger, market, clock }), running);
  const tasks = [rigPower.run(running), pruneRegularly(ledger, clock, running), driver.tendLeftovers(running), prices];
  stack.defer(runAside(tasks, end));
  await controller.run(running);
  end.throwFault();
  return [...controller.containers(), ...driver.untold];
}

/** As customers see it; undefined when nothing is served. */
const modelOf = ({ inference }: RigConfig): string | undefined =>
  inference && (inference.engine.name ?? basename(inference.engine.modelFile, ".gguf"));

const dataDirOf = ({ dataDir, config, env, cwd }: Run): string =>
  dataDir ?? resolveDataDir(config, { env, uid: process.getuid?.(), cwd });

/** Watches over what runs beside the GPUs; the call it returns ends all of it. */
function runAside(tasks: readonly Promise<unknown>[], end: RunEnd) {
  const aside = Promise.all(tasks).catch(end.onFault);
  return async () => {
    end.stop();
    await aside;
  };
}

/** A model inside an image is the engine's own to check. */
async function checkModel(inference: RigConfig["inference"]): Promise<void> {
  if (inference === undefined || inference.engine.image !== undefined) return;
  await checkModelFile(inference.engine.modelFile, inference.engine.sha256);
}

interface DriverParts {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly ledger: Ledger;
  readonly stack: AsyncDisposableStack;
}

/** Work runs as native processes, or in containers where the configuration names an image for it. */
function openDrivers(
  config: RigConfig,
  { env }: AgentOptions,
  { clock, logger, ledger, stack }: DriverParts,
  proxies: () => ReturnType<typeof proxiesOf>,
): MixedDriver {
  const { host, images, pull, minerAddress } = config.workloads.docker;
  const processes = createProcessDriver({ clock, logger, journal: ledger.processes, env });
  const containers = createDockerDriver({
    clock,
    logger,
    env,
    rig: config.rig.name,
    ...(host === undefined ? {} : { host }),
    images: { allowed: images, pull },
    miners: { gateway: minerAddress, proxies },
  });
  const usesContainers = images.length > 0;
  const hasEngine = () => hasEngineSocket(env, host);
  const mixed = new MixedDriver({ processes, containers, clock, logger, usesContainers, hasEngine });
  return stack.adopt(mixed, (driver) => driver.close());
}

async function openGpus(
  config: RigConfig,
  { env }: AgentOptions,
  { clock, logger, stack }: Pick<SheetParts, "clock" | "logger" | "stack">,
): Promise<GpuSource> {
  const opened = await openGpuSource(config, { clock, logger, fallbackId: hostname(), env });
  return stack.adopt(opened, (source) => source.close());
}

interface RigPowerSetting {
  readonly config: RigConfig;
  readonly source: GpuSource;
  readonly gpus: number;
  readonly ledger: Ledger;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** The rig beside its GPUs; a processor that is metered as a GPU already is not metered again. */
function openRigPower({ config, source, ...parts }: RigPowerSetting): RigPower {
  const { base, efficiency, meter } = config.power.wall;
  const host = source.kind === "cpu" ? undefined : findHostRapl(machineFiles);
  return new RigPower({
    ...parts,
    prior: { hostPower: base, factor: 1 / efficiency },
    ...(meter === undefined ? {} : { meter: openWallMeter(meter) }),
    ...(host?.kind === "found" ? { processor: host.counters } : {}),
  });
}

/** Ends what a killed agent left open in the ledger, with the totals it last recorded. */
function closeBooks(ledger: Ledger, clock: Clock, logger: Logger): void {
  const reason = "the agent was killed";
  const jobs = ledger.jobs.closeOpenJobs(clock.now(), "interrupted", reason).length;
  const transitions = ledger.transitions.closeOpen(clock.now(), reason).length;
  if (jobs + transitions > 0) logger.warn("closed what the last agent left open", { jobs, transitions });
}

/** A miner in a container reaches the proxy of its flight sheet at the address of its bridge, at a port of its own. */
const linkOf = ({ sheet, pools, proxy, dual }: OpenSheet, world: LinkWorld): MiningLink[] => {
  const { config, market, dataDir, proxies } = world;
  const bridge = config.workloads.docker.minerAddress;
  const quote = market.coin(sheet);
  const second = sheet.dual && market.coin(sheet.dual);
  if (quote === undefined || (sheet.dual !== undefined && second === undefined)) return [];
  const toAddress = (of: StratumProxy) => reachedAt(sheet, of, { proxies, bridge });
  const own = dual === undefined ? [proxy] : [proxy, dual.proxy];
  return [
    {
      sheet,
      quote,
      ...toAddress(proxy),
      ...(dual && second && { dual: { quote: second, proxy: toAddress(dual.proxy) } }),
      pools: (worker) => pools.map((pool) => toMinerPool(pool, worker)),
      knows: (login, worker) => proxy.knows(login, worker),
      apiKey: (gpu) => new ApiKeys(join(dataDir, "miner-api")).of(gpu),
      register: (worker, gpu) => {
        for (const one of own) one.register(worker, gpu);
      },
      poolAway: () => own.map((one) => one.away()).find((away) => away !== undefined),
    },
  ];
};

interface LinkWorld {
  readonly dataDir: string;
  readonly config: RigConfig;
  /** At their places at the miners' bridge. */
  readonly proxies: ReturnType<typeof proxiesOf>;
  readonly market: Market;
}

interface HttpParts {
  readonly parts: RigParts;
  readonly controller: RigController;
  readonly views: RigViews;
  readonly dataDir: string;
  /** Of this run. */
  readonly id: string;
}

async function openHttp({ parts, controller, views, dataDir, id }: HttpParts): Promise<HttpServer> {
  const { config, logger, ledger, clock, onFault } = parts;
  const book = createCompletionBook(ledger, clock);
  const service = () => serviceOf(parts, controller);
  const { listen, tls, allowedHosts, customerKeysFile } = config.http;
  return startHttp({
    listen,
    ...(tls === undefined ? {} : { tls }),
    rig: views,
    inference: createGateway({ service, gpus: controller, book, clock, logger, onFault }),
    token: await loadToken(dataDir),
    instance: id,
    webRoot: join(repositoryRoot, ".build/web"),
    allowedHosts,
    customerKeys: readCustomerKeys(customerKeysFile),
    logger,
  });
}

interface MarketUseParts {
  readonly controller: RigController;
  readonly rigPower: RigPower;
  readonly ledger: Ledger;
  readonly market: Market;
  readonly clock: Clock;
}

const marketUse = ({ controller, rigPower, ledger, market, clock }: MarketUseParts): Parameters<Market["run"]>[0] => ({
  load: () => drawnAtWall(controller, rigPower),
  onPayouts: (all) => ledger.payouts.replaceEntered(all),
  onCredit: (credit) => bookCredit(credit, { quote: market.coin(credit), payouts: ledger.payouts, now: clock.now() }),
});

/** What the whole rig draws now; undefined while a GPU does not say. */
function drawnAtWall(controller: RigController, rigPower: RigPower): Watts | undefined {
  const { factor, hostPower } = rigPower.wall();
  const drawn = controller.snapshots().map(({ reading }) => reading?.power);
  if (drawn.includes(undefined)) return undefined;
  return watts(drawn.reduce<number>((sum, power) => sum + (power ?? 0), 0) * factor + hostPower);
}

function serviceOf({ config, model, market }: RigParts, controller: RigController): Service | undefined {
  const { inference } = config;
  if (inference === undefined || model === undefined) return undefined;
  const engine = controller.snapshots().find((gpu) => gpu.engine?.kind === "ready")?.engine;
  const facts = engine?.kind === "ready" ? engine.facts : undefined;
  const contextTokens = facts?.contextTokens ?? inference.engine.contextTokens;
  return {
    model,
    prices: market?.tokens() ?? { input: inference.priceIn, output: inference.priceOut },
    usualTokensOut: USUAL_TOKENS_OUT,
    routes: BUILT_IN_ROUTES,
    objectTo: objectToFields,
    ...(contextTokens === undefined ? {} : { contextTokens }),
    ...(facts?.label === undefined ? {} : { label: facts.label }),
  };
}

/** Tells the command line where this agent answers; taken back when the agent stops. */
function announce(dataDir: string, file: AgentFile): () => void {
  const path = agentFilePath(dataDir);
  writeFileSync(path, `${JSON.stringify(file)}\n`, { mode: 0o600 });
  return () => rmSync(path, { force: true });
}

/** Gathers the changes of half a second into one publication. */
function createPublisher() {
  let timer: NodeJS.Timeout | undefined;
  let publish: (() => void) | undefined;
  return {
    request: () => {
      if (publish === undefined || timer !== undefined) return;
      timer = setTimeout(() => {
        timer = undefined;
        publish?.();
      }, PUBLISH_EVERY);
    },
    start: (run: () => void, onFault: (error: unknown) => void) => {
      publish = () => {
        try {
          run();
        } catch (error) {
          onFault(error);
        }
      };
    },
    stop: () => {
      clearTimeout(timer);
      publish = undefined;
    },
  };
}
