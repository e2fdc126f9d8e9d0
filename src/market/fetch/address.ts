import { BlockList, isIP } from "node:net";

/** IPv4 that is not the public internet: this host, private, shared, link-local, test, multicast and reserved. */
const IPV4: readonly (readonly [string, number])[] = [
  ["0.0.0.0", 8],
  ["10.0.0.0", 8],
  ["100.64.0.0", 10],
  ["127.0.0.0", 8],
  ["169.254.0.0", 16],
  ["172.16.0.0", 12],
  ["192.0.0.0", 24],
  ["192.0.2.0", 24],
  ["192.168.0.0", 16],
  ["198.18.0.0", 15],
  ["198.51.100.0", 24],
  ["203.0.113.0", 24],
  ["224.0.0.0", 3],
];
/** Everything but global unicast, and of that the parts that carry an IPv4 address or are for documents. */
const IPV6: readonly (readonly [string, number])[] = [
  ["::", 3],
  ["4000::", 2],
  ["8000::", 1],
  ["2001::", 32],
  ["2001:db8::", 32],
  ["2002::", 16],
];

const listOf = (nets: typeof IPV4, family: "ipv4" | "ipv6"): BlockList => {
  const list = new BlockList();
  for (const [net, bits] of nets) list.addSubnet(net, bits, family);
  return list;
};

/** One list each: in a common one every IPv4 address lies within ::/3, mapped. */
const closedIpv4 = listOf(IPV4, "ipv4");
const closedIpv6 = listOf(IPV6, "ipv6");

/** Whether `address` is one of the public internet; loopback, private and link-local ones are not, nor is anything else. */
export function isPublicAddress(address: string): boolean {
  const [bare = ""] = address.split("%", 1);
  const family = isIP(bare);
  if (family === 4) return !closedIpv4.check(bare, "ipv4");
  return family === 6 && !closedIpv6.check(bare, "ipv6");
}
