import { describe, expect, test } from "vitest";
import { Workers } from "../../../../src/mining/stratum/workers.ts";

const pool = (user: string) => ({ url: "stratum+tcp://pool.example:3333", user, password: "x" });

describe("the rig's workers", () => {
  test("are known by their own names and by what each pool calls them", () => {
    const workers = new Workers([pool("wallet.{rig}-{gpu}"), pool("mail/{gpu}")]);
    workers.register("attic-0", "GPU-0");
    workers.register("attic-1", "GPU-1");
    expect(["attic-0", "wallet.attic-0", "mail/0"].map((login) => workers.ownerOf(login))).toEqual([
      ...["attic-0", "attic-0", "attic-0"],
    ]);
    expect(workers.ownerOf("wallet.attic-1")).toBe("attic-1");
    expect(workers.gpuOf("attic-1")).toBe("GPU-1");
    expect(workers.first).toBe("attic-0");
  });

  test("are no strangers, and strangers no workers", () => {
    const workers = new Workers([pool("wallet.{rig}-{gpu}")]);
    workers.register("attic-0", "GPU-0");
    for (const stranger of ["wallet.attic-1", "wallet", "devfee.wallet", ""])
      expect(workers.ownerOf(stranger)).toBeUndefined();
    expect(workers.gpuOf("wallet.attic-0")).toBeUndefined();
  });

  test("that share a login are told apart by their own names only", () => {
    const workers = new Workers([pool("wallet")]);
    workers.register("attic-0", "GPU-0");
    expect(workers.ownerOf("wallet")).toBe("attic-0");
    workers.register("attic-0", "GPU-0");
    expect(workers.ownerOf("wallet")).toBe("attic-0");
    workers.register("attic-1", "GPU-1");
    expect(workers.ownerOf("wallet")).toBeUndefined();
    expect(workers.ownerOf("attic-1")).toBe("attic-1");
  });

  test("whose name is another's login are themselves", () => {
    const workers = new Workers([pool("attic-0")]);
    workers.register("attic-1", "GPU-1");
    workers.register("attic-0", "GPU-0");
    expect(workers.ownerOf("attic-0")).toBe("attic-0");
  });
});
