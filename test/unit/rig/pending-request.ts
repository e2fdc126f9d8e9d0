import type { Admittance, Grant } from "../../../src/inference/gpu-port.ts";

/** An admittance that can be looked at while it is still open. */
export class PendingRequest {
  settled: Admittance | undefined;

  constructor(admitted: Promise<Admittance>) {
    void admitted.then((admittance) => {
      this.settled = admittance;
    });
  }

  get grant(): Grant {
    if (this.settled?.kind === "granted") return this.settled.grant;
    throw new Error(`the request was not granted but ${JSON.stringify(this.settled)}`);
  }
}
