import { describe, expect, test } from "vitest";
import { formatPoolUrl, parsePoolUrl } from "../../../../src/mining/stratum/pool-url.ts";

describe("parsePoolUrl", () => {
  const good = [
    ["stratum+tcp://pool.example.com:3333", "pool.example.com", 3333],
    ["stratum+tcp://127.0.0.1:1", "127.0.0.1", 1],
    ["stratum+tcp://[::1]:65535", "::1", 65535],
    ["stratum+tcp://pool.example.com:3333/", "pool.example.com", 3333],
  ] as const;
  for (const [url, host, port] of good)
    test(`reads ${url}`, () => {
      expect(parsePoolUrl(url)).toEqual({ host, port });
    });

  for (const scheme of ["stratum+ssl", "stratum+tls"])
    test(`reads ${scheme}:// as TLS`, () => {
      const address = parsePoolUrl(`${scheme}://pool.example.com:3333`);
      expect(address).toEqual({ host: "pool.example.com", port: 3333, secure: true });
      expect(formatPoolUrl(address)).toBe("stratum+ssl://pool.example.com:3333");
    });

  const wrong = [
    ["pool.example.com:3333", /does not start with/],
    ["http://pool.example.com:3333", /does not start with/],
    ["stratum+udp://pool.example.com:3333", /does not start with/],
    ["stratum+tcp://pool.example.com", /has no port/],
    ["stratum+tcp://pool.example.com:0", /has no port/],
    ["stratum+tcp://pool.example.com:99999", /is not a URL/],
    ["stratum+tcp://:3333", /is not a URL|has no host/],
    ["stratum+tcp://pool.example.com:3333/path", /goes on after the port/],
    ["stratum+tcp://pool.example.com:3333?x=1", /goes on after the port/],
    ["", /is not a URL/],
  ] as const;
  for (const [url, reason] of wrong)
    test(`refuses ${JSON.stringify(url)}`, () => {
      expect(() => parsePoolUrl(url)).toThrow(reason);
      expect(() => parsePoolUrl(url)).toThrow(
        expect.objectContaining({ facts: expect.objectContaining({ code: "ERR_POOL_URL" }) }),
      );
    });

  test("refuses credentials in the address, and does not repeat them in its message", () => {
    const parse = () => parsePoolUrl("stratum+tcp://wallet:hunter2@pool.example.com:3333");
    expect(parse).toThrow(/carries credentials/);
    expect(parse).not.toThrow(/hunter2/);
  });

  test("formatPoolUrl writes what parsePoolUrl reads", () => {
    for (const [url] of good.slice(0, 3)) expect(formatPoolUrl(parsePoolUrl(url))).toBe(url);
  });
});
