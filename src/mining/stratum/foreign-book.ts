import type { UnixMs } from "../../units/time.ts";
import type { ForeignShare } from "./dialect.ts";

/** A hostile program could log in under any number of names. */
const MAX_ACCOUNTS = 64;

/** One login that is not the rig's own: a miner program's dev fee, mostly. */
export interface ForeignAccount {
  readonly worker: string;
  readonly accepted: number;
  readonly rejected: number;
  readonly unknown: number;
  /** Behind the accepted shares. */
  readonly expectedHashes: number;
  readonly since: UnixMs;
  readonly last: UnixMs;
}

/** What went to somebody else's wallets through this proxy since it started. */
export class ForeignBook {
  readonly #accounts = new Map<string, ForeignAccount>();

  get accounts(): readonly ForeignAccount[] {
    return [...this.#accounts.values()];
  }

  /** Whether it is an account that was not there before; there is no room for more than 64. */
  open(worker: string, at: UnixMs): boolean {
    if (this.#accounts.has(worker) || this.#accounts.size >= MAX_ACCOUNTS) return false;
    const nothing = { accepted: 0, rejected: 0, unknown: 0, expectedHashes: 0 };
    this.#accounts.set(worker, { worker, ...nothing, since: at, last: at });
    return true;
  }

  add({ worker, verdict, isLate, expectedHashes }: ForeignShare, at: UnixMs): void {
    this.open(worker, at);
    const account = this.#accounts.get(worker);
    if (!account) return;
    const isAccepted = verdict === "accepted";
    const isUnknown = verdict === "unknown";
    this.#accounts.set(worker, {
      ...account,
      accepted: account.accepted + Number(isAccepted),
      unknown: account.unknown + Number(isUnknown) - Number(isLate === true),
      rejected: account.rejected + Number(!isAccepted && !isUnknown),
      expectedHashes: account.expectedHashes + (isAccepted ? expectedHashes : 0),
      last: at,
    });
  }
}
