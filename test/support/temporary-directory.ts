import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

/** A directory of one test's own; `await using` or `using` removes it and everything in it. */
export class TemporaryDirectory implements Disposable {
  readonly path: string;

  constructor(name = "rigshift-test") {
    this.path = mkdtempSync(join(tmpdir(), `${name}-`));
  }

  /** Writes `content` to a file below the directory, making folders on the way; returns its full path. */
  write(relative: string, content: string): string {
    const path = join(this.path, relative);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, content);
    return path;
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}
