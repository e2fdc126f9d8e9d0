import type { Gate } from "../../../src/rig/request-queue.ts";

/** A gate that records what goes through it, and can be slow or fail. */
export class ScriptedGate implements Gate {
  readonly engine = "http://127.0.0.1:1";
  slots = 16;
  readonly log: string[] = [];
  beginFault: Error | undefined;
  endFault: Error | undefined;
  /** While set, every begin waits for it. */
  slowness: Promise<void> | undefined;

  async begin(jobId: string): Promise<void> {
    await this.slowness;
    if (this.beginFault) throw this.beginFault;
    this.log.push(`begin ${jobId}`);
  }

  async end(jobId: string, tokensOut?: number): Promise<void> {
    await Promise.resolve();
    this.log.push(`end ${jobId} ${tokensOut}`);
    if (this.endFault) throw this.endFault;
  }
}
