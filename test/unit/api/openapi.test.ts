import { describe, expect, test } from "vitest";
import { toOpenApi } from "../../../src/api/openapi.ts";
import { API_ROUTES } from "../../../src/api/routes.ts";

const description = JSON.parse(JSON.stringify(toOpenApi("1.2.3"))) as {
  readonly openapi: string;
  readonly info: { readonly version: string };
  readonly paths: Record<string, Record<string, { responses: Record<string, { content?: object }> }>>;
  readonly components: { readonly schemas: Record<string, { additionalProperties?: boolean; required?: string[] }> };
};

describe("the OpenAPI description", () => {
  test("names its format and the agent's version", () => {
    expect([description.openapi, description.info.version]).toEqual(["3.1.0", "1.2.3"]);
  });

  test("holds every route under its own method, with a body for success and for refusal", () => {
    const found = Object.entries(description.paths).flatMap(([path, item]) =>
      Object.entries(item).map(([method, { responses }]) => [`${method} ${path}`, Object.keys(responses)] as const),
    );
    expect(found.map(([route]) => route)).toEqual(API_ROUTES.map(({ method, path }) => `${method} ${path}`));
    for (const [route, statuses] of found) expect(statuses, route).toEqual(expect.arrayContaining(["200", "default"]));
  });

  test("refers to no schema that it does not hold", () => {
    const references = JSON.stringify(description).matchAll(/"#\/components\/schemas\/(\w+)"/g);
    const names = new Set([...references].map(([, name]) => name));
    expect(names.size).toBeGreaterThan(10);
    for (const name of names) expect(description.components.schemas).toHaveProperty(String(name));
  });

  test("closes what a caller sends and leaves answers open to new fields", () => {
    const { ModeRequest, Rig, Gpu } = description.components.schemas;
    expect(ModeRequest?.additionalProperties).toBe(false);
    expect([Rig, Gpu].map((schema) => schema && "additionalProperties" in schema)).toEqual([false, false]);
    expect(Gpu?.required).toContain("powerW");
  });

  test("asks for the token exactly where the rig is given orders", () => {
    const secured = Object.entries(description.paths).filter(([, item]) =>
      JSON.stringify(item).includes('"security":[{"token":[]}]'),
    );
    expect(secured.map(([path]) => path)).toEqual(["/api/v1/mode", "/api/v1/curtail", "/api/v1/bench"]);
  });
});
