import type { EngineOptions } from "./args.ts";
import { Engine } from "./engine.ts";
import { type Backend, loadModel } from "./model.ts";
import { type Address, listen } from "./server.ts";

export type ListeningLine = Address & {
  event: "listening";
  backend: Backend;
  model: string;
  /** What the model's own metadata says it is. */
  label: string | null;
  contextTokens: number;
  threads: number;
};

export interface Serving {
  listening: ListeningLine;
  /** Takes no more requests, aborts the ones there are, and resolves when nothing runs. */
  stop: () => Promise<void>;
}

export async function serve(options: EngineOptions): Promise<Serving> {
  const engine = new Engine(await loadModel(options));
  const { server, address } = await listen(engine, options);
  const { backend, name, label, contextTokens, threads } = engine.loaded;
  return {
    listening: {
      event: "listening",
      ...address,
      backend,
      model: name,
      label,
      contextTokens,
      threads,
    },
    stop: async () => {
      server.close();
      await engine.stop();
      server.closeAllConnections();
    },
  };
}
