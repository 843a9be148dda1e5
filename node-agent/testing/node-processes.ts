import { spawn, type ChildProcess } from 'node:child_process';
import { generateKeyPairSync, randomInt, randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { PORTS } from '#model/ports.ts';
import { FakeOperator } from './fake-operator.ts';

const MAIN = fileURLToPath(new URL('../main.ts', import.meta.url));
const TOKEN = 'test-token';

/** Nodes as processes of their own, which can be killed. */
export class NodeProcesses {
  readonly folder: string;
  readonly operator: FakeOperator;
  readonly names: string[];
  #addresses = new Map<string, string>();
  #children = new Map<string, ChildProcess>();
  #clusterUID: string;

  private constructor(folder: string, addresses: Map<string, string>) {
    this.folder = folder;
    this.#addresses = addresses;
    this.#clusterUID = randomUUID();
    this.names = [...addresses.keys()];
    const nodes = this.names.map((name) => ({ name, address: this.address(name) }));
    this.operator = new FakeOperator({ clusterUID: this.#clusterUID, token: TOKEN, nodes });
  }

  static async create(count: number): Promise<NodeProcesses> {
    const folder = await mkdtemp(join(tmpdir(), 'annulus-nodes-'));
    await mkdir(join(folder, 'keys'));
    await writeFile(join(folder, 'keys', 'token'), TOKEN);
    const key = generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' });
    await writeFile(join(folder, 'keys', 'ed25519.key'), key);
    const net = `127.${randomInt(64, 250)}.${randomInt(0, 250)}`;
    const addresses = new Map(Array.from({ length: count }, (_, i) => [`ring-${i}`, `${net}.${i + 1}`]));
    return new NodeProcesses(folder, addresses);
  }

  address(name: string): string {
    return this.#addresses.get(name)!;
  }

  url(name: string, path: string): string {
    return `http://${this.address(name)}:${PORTS.rest}${path}`;
  }

  /** The node's volume. */
  dataDir(name: string): string {
    return join(this.folder, name);
  }

  /** Starts the process; `overrides` replace environment variables. */
  spawn(name: string, overrides: Record<string, string> = {}): ChildProcess {
    const child = spawn(process.execPath, ['--no-warnings', MAIN], {
      env: {
        PATH: process.env['PATH'],
        ANNULUS_CLUSTER: 'ring',
        ANNULUS_CLUSTER_UID: this.#clusterUID,
        ANNULUS_NAMESPACE: 'default',
        ANNULUS_NODE: name,
        ANNULUS_BIND: this.address(name),
        ANNULUS_DATA_DIR: this.dataDir(name),
        ANNULUS_KEYS_DIR: join(this.folder, 'keys'),
        ANNULUS_WORKERS: '1',
        ANNULUS_LOG_LEVEL: process.env['ANNULUS_TEST_LOG'] ?? 'silent',
        ...overrides,
      },
      stdio: ['ignore', 'inherit', 'pipe'],
    });
    this.#children.set(name, child);
    return child;
  }

  startAll(): void {
    for (const name of this.names) this.spawn(name);
  }

  async kill(name: string, signal: NodeJS.Signals = 'SIGKILL'): Promise<number | null> {
    const child = this.#children.get(name);
    this.#children.delete(name);
    if (!child || child.exitCode !== null || child.signalCode !== null) return child?.exitCode ?? null;
    const exited = new Promise<number | null>((resolve) => child.once('exit', resolve));
    child.kill(signal);
    return exited;
  }

  /** SIGSTOP and SIGCONT: the process is there and says nothing. */
  signal(name: string, signal: 'SIGSTOP' | 'SIGCONT'): void {
    this.#children.get(name)?.kill(signal);
  }

  async killAll(): Promise<void> {
    await Promise.all(this.names.map((name) => this.kill(name)));
  }

  async stop(): Promise<void> {
    this.operator.stop();
    await this.killAll();
    await rm(this.folder, { recursive: true, force: true });
  }

  /** True when the process answers. */
  async isUp(name: string): Promise<boolean> {
    return (await fetch(this.url(name, '/healthz')).catch(() => null))?.ok ?? false;
  }

  /** True when the node has a cluster map and its own copies are open. */
  async isReady(name: string): Promise<boolean> {
    return (await fetch(this.url(name, '/readyz')).catch(() => null))?.ok ?? false;
  }
}

/** JSON over HTTP; throws an Error with the answer's text unless 2xx. */
export async function call(method: string, url: string, body?: unknown, timeoutMs = 20_000): Promise<unknown> {
  const response = await fetch(url, {
    method,
    signal: AbortSignal.timeout(timeoutMs),
    ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${method} ${url}: ${response.status} ${text}`);
  return JSON.parse(text);
}
