import { expect, test } from "vitest";
import { isPublicAddress } from "../../../../src/market/fetch/address.ts";

const CLOSED = [
  "127.0.0.1",
  "127.255.255.254",
  "0.0.0.0",
  "10.1.2.3",
  "100.64.0.1",
  "100.127.255.255",
  "169.254.169.254",
  "172.16.0.1",
  "172.31.255.255",
  "192.168.1.1",
  "198.18.0.1",
  "224.0.0.1",
  "255.255.255.255",
  "::",
  "::1",
  "::ffff:127.0.0.1",
  "::ffff:10.0.0.1",
  "::ffff:8.8.8.8",
  "64:ff9b::7f00:1",
  "fe80::1",
  "fe80::1%eth0",
  "fc00::1",
  "fd12:3456::1",
  "ff02::1",
  "2001:db8::1",
  "2002:7f00:1::",
  "2001::1",
  "localhost",
  "127.1",
  "0x7f000001",
  "2130706433",
  "",
];
test.each(CLOSED)("%s is no address of the public internet", (address) => {
  expect(isPublicAddress(address)).toBe(false);
});

const OPEN = [
  "8.8.8.8",
  "1.1.1.1",
  "100.63.255.255",
  "100.128.0.1",
  "172.15.255.255",
  "172.32.0.1",
  "192.169.0.1",
  "2606:4700::1111",
  "2a00:1450:4001:800::200e",
];
test.each(OPEN)("%s is", (address) => {
  expect(isPublicAddress(address)).toBe(true);
});
