import { BlockList, connect, type Socket } from "node:net";
import { z } from "zod";
import type { Endpoint } from "../../config/fields.ts";
import { ContainerError } from "../errors.ts";
import { parsed } from "./containers.ts";
import { callWithSignal, type Engine, wasRefusedWith } from "./engine.ts";
import { openRelay, type Relay } from "./relay.ts";

export const MINER_NETWORK = "rigshift-miners";
const LABEL = "rigshift.network";

/** How the miners in containers reach the Stratum proxy. */
export interface MinerAccess {
  /** On the bridge that the miners are on, whose network is the /24 around it; one port for each proxy, from this on. */
  readonly gateway: Endpoint;
  /** The proxies, on loopback, at places that stay; none until they listen, and undefined where nothing listens any more. */
  readonly proxies: () => readonly (Endpoint | undefined)[];
}

const schema = z.looseObject({
  Labels: z.record(z.string(), z.string()).nullish(),
  Internal: z.boolean().catch(false),
  IPAM: z.looseObject({ Config: z.array(z.looseObject({ Gateway: z.string().nullish() })).nullish() }),
});

/** The bridge of the operator's miners and the ways from it to the proxies; owned by one driver. */
export class MinerNetwork {
  readonly #engine: Engine;
  readonly #access: MinerAccess | undefined;
  /** By the places of the proxies. */
  #relays: ReadonlyMap<number, Relay> = new Map();
  /** Two cards that start at once must not both make the network and the relay. */
  #turn: Promise<void> = Promise.resolve();

  constructor(engine: Engine, access: MinerAccess | undefined) {
    this.#engine = engine;
    this.#access = access;
  }

  /** The bridge is there and leads to the proxies; throws `ERR_CONTAINER_NETWORK` where it cannot. */
  ensure(signal: AbortSignal): Promise<void> {
    const turn = this.#turn.then(() => this.#ensure(signal));
    this.#turn = turn.catch(() => {
      // Whoever asked hears of it; the next one tries anew.
    });
    return turn;
  }

  async #ensure(signal: AbortSignal): Promise<void> {
    const access = this.#access;
    if (access === undefined) throw broken("nothing is mined, so there is no proxy to reach", "set mining in rig.yaml");
    const { gateway } = access;
    if (!(await this.#isThere(gateway.host, signal))) await this.#create(gateway.host, signal);
    const subnet = new BlockList();
    subnet.addSubnet(networkOf(gateway.host), 24);
    for (const [index, proxy] of access.proxies().entries()) {
      if (proxy === undefined || this.#relays.has(index)) continue;
      const relay = await openRelay({
        listen: { ...gateway, port: gateway.port + index },
        // The kernel takes connections to this address on any interface, so who may come is checked by hand.
        accepts: (remote) => subnet.check(remote),
        open: () => toProxy(access, index),
      });
      this.#relays = new Map([...this.#relays, [index, relay]]);
    }
  }

  async close(): Promise<void> {
    await Promise.all([...this.#relays.values()].map((relay) => relay.close()));
    this.#relays = new Map();
  }

  async #isThere(gateway: string, signal: AbortSignal): Promise<boolean> {
    try {
      const answer = await this.#engine.read("describe a network", signal, (docker, abortSignal) => {
        const network = docker.getNetwork(MINER_NETWORK);
        return callWithSignal(network, network.inspect, abortSignal);
      });
      const { Labels, Internal, IPAM } = parsed(schema, answer);
      const isOurs = Labels?.[LABEL] === "miners" && Internal && IPAM.Config?.[0]?.Gateway === gateway;
      if (isOurs) return true;
      throw broken(
        `the network ${MINER_NETWORK} is not the one that rig.yaml asks for`,
        `remove it: docker network rm ${MINER_NETWORK}`,
      );
    } catch (error) {
      if (wasRefusedWith(error, 404)) return false;
      throw error;
    }
  }

  async #create(gateway: string, signal: AbortSignal): Promise<void> {
    try {
      await this.#engine.change("create a network", signal, (docker, abortSignal) =>
        docker.createNetwork({
          Name: MINER_NETWORK,
          CheckDuplicate: true,
          Driver: "bridge",
          // The Engine's firewall lets nothing leave it: of the world, this machine's addresses are all that is left.
          Internal: true,
          Attachable: false,
          IPAM: { Driver: "default", Config: [{ Subnet: `${networkOf(gateway)}/24`, Gateway: gateway }] },
          Options: {
            "com.docker.network.bridge.enable_icc": "false",
            "com.docker.network.bridge.enable_ip_masquerade": "false",
          },
          Labels: { [LABEL]: "miners" },
          abortSignal,
        }),
      );
    } catch (error) {
      if (wasRefusedWith(error, 409)) return;
      if (!wasRefusedWith(error, 400, 403, 500)) throw error;
      throw broken(error.message, "take another workloads.docker.minerAddress", error);
    }
  }
}

function toProxy({ proxies }: MinerAccess, index: number): Socket {
  const address = proxies()[index];
  if (address === undefined) throw broken("the Stratum proxy does not listen yet", "try again");
  return connect({ host: address.host, port: address.port, allowHalfOpen: true });
}

const networkOf = (address: string): string => address.replace(/\.\d+$/, ".0");

const broken = (message: string, mend: string, cause?: unknown): ContainerError =>
  new ContainerError(message, { code: "ERR_CONTAINER_NETWORK", mend, retryable: false }, { cause });
