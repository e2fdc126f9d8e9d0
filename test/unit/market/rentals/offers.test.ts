import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { PriceSourceError } from "../../../../src/market/errors.ts";
import { parseRentalPlaces, parseVastOffers } from "../../../../src/market/rentals/offers.ts";

const offer = (price: number | string, changes: object = {}) => ({
  id: 101,
  gpu_name: "RTX 3090",
  num_gpus: 1,
  dph_total: price,
  verification: "verified",
  rentable: true,
  ...changes,
});
const search = (...offers: readonly unknown[]) => ({ offers });

describe("a search at Vast.ai", () => {
  test("tells the median ask of verified hosts for this model, per GPU", () => {
    const answer = search(
      offer(0.2),
      offer("0.22", { verification: undefined, verified: true }),
      offer(0.96, { num_gpus: 4 }),
      offer(0.01, { verification: "unverified" }),
      offer(0.02, { is_bid: true }),
      offer(0.9, { gpu_name: "RTX 3090 Ti" }),
      offer(5, { gpu_name: "H100 SXM" }),
    );
    expect(parseVastOffers(answer, "RTX 3090")).toEqual({ usdPerHour: 0.22 });
  });

  test("tells how much is rented where it shows that, and asks of what is free", () => {
    const free = [0.2, 0.21, 0.22, 0.23].map((price) => offer(price, { rented: false }));
    const taken = Array.from({ length: 12 }, () => offer(0.18, { rented: true }));
    expect(parseVastOffers(search(...free, ...taken), "RTX 3090")).toEqual({ usdPerHour: 0.21, occupancy: 0.75 });
    expect(parseVastOffers(search(...free), "RTX 3090")).toEqual({ usdPerHour: 0.21 });
  });

  const refused: readonly [string, unknown][] = [
    ["an error page", "<html>"],
    ["an error", { success: false, error: "auth_error" }],
    ["nothing", search()],
    ["two hosts", search(offer(0.2), offer(0.2))],
    ["no verified host", search(...[1, 2, 3, 4].map(() => offer(0.2, { verification: undefined })))],
    ["prices of 0, below 0 and no number", search(offer(0), offer(-1), offer("NaN"), offer(0.2), offer(0.2))],
    ["an offer that is none", search(offer(0.2), offer(0.2), offer(0.2), 7)],
    ["machines without GPUs", search(...[1, 2, 3].map(() => offer(0.2, { num_gpus: 0 })))],
  ];
  test.each(refused)("with %s is refused and says where", (_title, body) => {
    expect(() => parseVastOffers(body, "RTX 3090")).toThrow(PriceSourceError);
    expect(() => parseVastOffers(body, "RTX 3090")).toThrow(/offers/);
  });

  test("is an ask that somebody made or a refusal, whatever it answers", () => {
    const any = fc.oneof(fc.double(), fc.constantFrom("RTX 3090", "verified", true, null, "1e999", -1, 0.3));
    const keys = ["gpu_name", "num_gpus", "dph_total", "verified", "verification", "rented", "is_bid"] as const;
    const hostile = fc.dictionary(fc.constantFrom(...keys), any, { maxKeys: 7 });
    fc.assert(
      fc.property(fc.array(hostile, { maxLength: 8 }), (offers) => {
        try {
          const { usdPerHour } = parseVastOffers(
            { offers: [...offers, offer(0.2), offer(0.2), offer(0.2)] },
            "RTX 3090",
          );
          expect(usdPerHour > 0 && usdPerHour <= 1000).toBe(true);
        } catch (error) {
          expect(error).toBeInstanceOf(PriceSourceError);
        }
      }),
    );
  });
});

describe("any JSON", () => {
  test("tells price and occupancy where it is said to", () => {
    const body = { gpus: { "3090": { ask: "0.21", rented: 0.6 } } };
    expect(parseRentalPlaces(body, "/gpus/3090/ask", "/gpus/3090/rented")).toEqual({
      usdPerHour: 0.21,
      occupancy: 0.6,
    });
    expect(parseRentalPlaces(body, "/gpus/3090/ask", undefined)).toEqual({ usdPerHour: 0.21 });
  });

  test.each([
    ["no price", {}, "/ask"],
    ["a price of 0", { ask: 0 }, "/ask"],
    ["a price per month in cents", { ask: 15_000 }, "/ask"],
    ["a percentage for a part", { ask: 0.2, rented: 60 }, "/rented"],
    ["no part", { ask: 0.2 }, "/rented"],
  ])("with %s is refused and says where", (_title, body, field) => {
    expect(() => parseRentalPlaces(body, "/ask", "/rented")).toThrow(field);
  });
});
