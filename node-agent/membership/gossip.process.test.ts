import { spawn, type ChildProcess } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { generateKeyPairSync, randomBytes, randomInt, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { PORTS } from '#model/ports.ts';
import { until } from '../testing/until.ts';
import type { GossiperLine, GossiperSpec } from './testing/gossiper.ts';

const PROGRAM = fileURLToPath(new URL('testing/gossiper.ts', import.meta.url));
const COUNT = 5;

describe('five processes that gossip by UDP', () => {
  let folder: string;
  let spec: Omit<GossiperSpec, 'node'>;
  const children = new Map<string, ChildProcess>();
  const lines = new Map<string, GossiperLine[]>();

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'annulus-gossip-'));
    const keyPath = join(folder, 'ed25519.key');
    await writeFile(keyPath, generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }));
    const net = `127.${randomInt(64, 250)}.${randomInt(0, 250)}`;
    const nodes = Array.from({ length: COUNT }, (_, i) => ({ name: `n${i}`, address: `${net}.${i + 1}`, zone: '' }));
    spec = { clusterUID: randomUUID(), nodes, keyPath };
    lines.clear();
    for (const { name } of nodes) start(name);
    await until('all know all', () => nodes.every(({ name }) => of(name, 'Known').length === COUNT - 1), 50_000);
  }, 60_000);

  afterEach(async () => {
    const ended = [...children.values()].map((child) => {
      if (child.exitCode !== null || child.signalCode !== null) return undefined;
      const end = once(child, 'exit');
      child.kill('SIGKILL');
      return end;
    });
    children.clear();
    await Promise.all(ended);
    await rm(folder, { recursive: true, force: true });
  });

  const start = (node: string): void => {
    const child = spawn(process.execPath, ['--no-warnings', PROGRAM, JSON.stringify({ ...spec, node })], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const said: GossiperLine[] = lines.get(node) ?? [];
    lines.set(node, said);
    createInterface({ input: child.stdout }).on('line', (line) => said.push(JSON.parse(line) as GossiperLine));
    children.set(node, child);
  };
  const of = (node: string, to: string, about?: string): GossiperLine[] =>
    lines.get(node)!.filter((line) => line.to === to && (about === undefined || line.node === about));
  const others = (node: string): string[] => spec.nodes.map(({ name }) => name).filter((name) => name !== node);
  const believed = (about: string, to: string, since: number): Promise<number> =>
    until(`all believe ${about} ${to}`, () =>
      others(about).every((node) => of(node, to, about).some((line) => line.at >= since)),
    ).then(() => Math.max(...others(about).map((node) => of(node, to, about).at(-1)!.at - since)));

  test('kill -9: every other knows within 5 s; started again: at once; SIGTERM: at once', async () => {
    const killed = Date.now();
    children.get('n3')!.kill('SIGKILL');
    expect(await believed('n3', 'Dead', killed)).toBeLessThan(5_000);
    start('n3');
    await until('n3 is started', () => of('n3', 'Started').length === 2, 30_000);
    expect(await believed('n3', 'Alive', of('n3', 'Started')[1]!.at - 100)).toBeLessThan(2_000);
    const ended = Date.now();
    children.get('n3')!.kill('SIGTERM');
    expect(await believed('n3', 'Dead', ended)).toBeLessThan(1_000);
    for (const node of others('n3')) for (const dead of of(node, 'Dead')) expect(dead.node).toBe('n3');
  }, 60_000);

  test('SIGSTOP: dead within 5 s; SIGCONT: back at once, and it holds nobody else for dead', async () => {
    const stopped = Date.now();
    children.get('n1')!.kill('SIGSTOP');
    expect(await believed('n1', 'Dead', stopped)).toBeLessThan(5_000);
    await new Promise((resolve) => setTimeout(resolve, 3_000));
    const continued = Date.now();
    children.get('n1')!.kill('SIGCONT');
    expect(await believed('n1', 'Alive', continued)).toBeLessThan(2_000);
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    expect(of('n1', 'Dead')).toEqual([]);
  }, 60_000);

  test('rubbish on the port, in any amount, harms nobody', async () => {
    const socket = createSocket('udp4');
    for (let i = 0; i < 3_000; i++) {
      const { address } = spec.nodes[i % COUNT]!;
      socket.send(randomBytes(randomInt(1, 1_200)), PORTS.gossip, address);
      if (i % 100 === 0) await new Promise((resolve) => setTimeout(resolve, 50));
    }
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    socket.close();
    for (const { name } of spec.nodes) {
      expect(children.get(name)!.exitCode).toBeNull();
      expect(of(name, 'Dead')).toEqual([]);
    }
  }, 60_000);
});
