declare module "node-nvidia-smi" {
  /** Runs `nvidia-smi -q -x` through a shell, with no deadline and no way to stop it; repeated elements become lists. */
  function readLog(callback: (error: unknown, document?: unknown) => void): void;
  export = readLog;
}
