import type { RigConfig } from "../config/load.ts";
import type { Check } from "../lib/check.ts";
import { readCustomerKeys } from "./customer-keys.ts";
import { loadTls } from "./listener.ts";

/** Whether the files that the HTTP server needs can be used. */
export const httpChecks = ({ listen, tls, customerKeysFile }: RigConfig["http"]): readonly Check[] => [
  ...(customerKeysFile === undefined ? [] : [customerKeys(customerKeysFile)]),
  ...(tls === undefined ? [] : [certificate(listen, tls)]),
];

const customerKeys = (file: string): Check => ({
  name: "customer keys",
  run: () => {
    const { length } = readCustomerKeys(file);
    return { level: "ok", found: `${length} ${length === 1 ? "key" : "keys"} in ${file}` };
  },
});

const certificate = (listen: RigConfig["http"]["listen"], tls: NonNullable<RigConfig["http"]["tls"]>): Check => ({
  name: "http.tls",
  run: () => {
    loadTls(listen, tls);
    return { level: "ok", found: tls.certFile };
  },
});
