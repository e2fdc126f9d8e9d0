import { expect, test } from "vitest";
import { cutBySlot, nextSlotStart, SLOT, slotStart } from "../../../src/energy/slots.ts";
import { unixMs } from "../../../src/units/time.ts";

const at = (text: string) => unixMs(Date.parse(text));

test.each([
  ["2025-06-15T12:00:00.000Z", "2025-06-15T12:00:00.000Z"],
  ["2025-06-15T12:14:59.999Z", "2025-06-15T12:00:00.000Z"],
  ["2025-06-15T12:15:00.000Z", "2025-06-15T12:15:00.000Z"],
  ["2025-12-31T23:59:59.999Z", "2025-12-31T23:45:00.000Z"],
])("%s lies in the slot of %s", (moment, start) => {
  expect(slotStart(at(moment))).toBe(at(start));
  expect(nextSlotStart(at(moment))).toBe(at(start) + SLOT);
});

test("cuts a span at the boundaries it crosses, leaving nothing out", () => {
  const pieces = cutBySlot(at("2025-06-15T12:10:00Z"), at("2025-06-15T12:31:00Z"));
  expect(pieces.map((piece) => new Date(piece.slotStart).toISOString().slice(11, 16))).toEqual([
    "12:00",
    "12:15",
    "12:30",
  ]);
  expect(pieces.map((piece) => (piece.to - piece.from) / 60_000)).toEqual([5, 15, 1]);
});

test("cuts a span that ends on a boundary into no empty piece", () => {
  expect(cutBySlot(at("2025-06-15T12:00:00Z"), at("2025-06-15T12:15:00Z"))).toHaveLength(1);
  expect(cutBySlot(at("2025-06-15T12:15:00Z"), at("2025-06-15T12:15:00Z"))).toEqual([]);
});
