import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { isAlive, type ProcessIdentity, signalProcess } from '#local/kubelet/process-identity.ts';

const START_TIMEOUT_MS = 60_000;
const GRACE_MS = 45_000;

/** The whole embedded mode (API server, kubelet, operator, nodes) as processes that a test starts, kills and starts again on one folder. */
export class Embedded {
  readonly home: string = mkdtempSync(join(tmpdir(), 'annulus-e2e-'));
  private launcher: ChildProcess | undefined;
  private clientPort = 0;
  private config = '';

  /** REST base of the client Service. */
  get url(): string {
    return `http://127.0.0.1:${this.clientPort}`;
  }

  get kubeconfig(): string {
    return this.config;
  }

  /** Starts the launcher and applies a YAML stream; resolves when the API server and the Service proxy listen. */
  async start(manifest = ''): Promise<void> {
    const file = join(this.home, 'manifest.yaml');
    writeFileSync(file, manifest);
    const launcher = spawn(process.execPath, [join(import.meta.dirname, 'launch.ts'), this.home, file], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    this.launcher = launcher;
    const line = await new Promise<string>((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error('the launcher did not start in time')), START_TIMEOUT_MS);
      launcher.once('exit', (code, signal) => reject(new Error(`the launcher ended: ${signal ?? String(code)}`)));
      createInterface({ input: launcher.stdout }).once('line', (text) => {
        clearTimeout(timer);
        resolve(text);
      });
    });
    const said = JSON.parse(line) as { port: number; kubeconfig: string };
    this.clientPort = said.port;
    this.config = said.kubeconfig;
  }

  /** Operator and nodes, as the launcher recorded them. */
  children(): ProcessIdentity[] {
    const folder = join(this.home, 'processes');
    return readdirSync(folder)
      .filter((file) => file.endsWith('.json'))
      .map((file) => JSON.parse(readFileSync(join(folder, file), 'utf8')) as ProcessIdentity)
      .filter(isAlive);
  }

  /** kill -9 of everything at once; returns how many processes that were. */
  async killEverything(): Promise<number> {
    const launcher = this.launcher!;
    const children = this.children();
    const ended = new Promise((resolve) => launcher.once('exit', resolve));
    launcher.kill('SIGKILL');
    for (const { pid } of children) signalProcess(pid, 'SIGKILL');
    await ended;
    while (children.some(isAlive)) await sleep(10);
    return children.length + 1;
  }

  /** Ends everything gracefully and deletes the folder. */
  async close(): Promise<void> {
    const launcher = this.launcher;
    if (launcher && launcher.exitCode === null && launcher.signalCode === null) {
      const ended = new Promise((resolve) => launcher.once('exit', resolve));
      launcher.kill('SIGTERM');
      if ((await Promise.race([ended, sleep(GRACE_MS, 'late', { ref: false })])) === 'late')
        await this.killEverything();
    }
    rmSync(this.home, { recursive: true, force: true });
  }
}

/** A promise was broken: no asking again. */
export class Broken extends Error {}

/** Asks until the answer is not null and nothing is thrown but Broken; throws with `what` when it takes longer than timeoutMs. */
export async function eventually<T>(what: string, timeoutMs: number, ask: () => Promise<T | null>): Promise<T> {
  const end = performance.now() + timeoutMs;
  let last: unknown;
  for (;;) {
    try {
      const answer = await ask();
      if (answer !== null) return answer;
    } catch (error) {
      if (error instanceof Broken) throw error;
      last = error;
    }
    if (performance.now() > end) throw new Error(`not within ${timeoutMs / 1000} s: ${what}`, { cause: last });
    await sleep(50);
  }
}
