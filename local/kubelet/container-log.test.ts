import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ContainerLog } from './container-log.ts';
import { PodIPs } from './pod-ips.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'annulus-log-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const options = { follow: false, previous: false, timestamps: false };

async function read(log: ContainerLog, more: Partial<Parameters<ContainerLog['read']>[0]> = {}): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of log.read({ ...options, ...more }, Date.now()) ?? []) parts.push(part);
  return Buffer.concat(parts).toString('utf8');
}

test('lines of both streams, the tail, times, and the previous run', async () => {
  const log = new ContainerLog(folder);
  log.open(0);
  log.write('stdout', Buffer.from('first run\n'));
  log.close();
  log.open(1);
  log.write('stdout', Buffer.from('one\ntw'));
  log.write('stderr', Buffer.from('oops\n'));
  log.write('stdout', Buffer.from('o\nunfinished'));
  log.close();
  expect(await read(log)).toBe('one\noops\ntwo\nunfinished\n');
  expect(await read(log, { tailLines: 1 })).toBe('unfinished\n');
  expect(await read(log, { previous: true })).toBe('first run\n');
  expect(await read(log, { timestamps: true, tailLines: 1 })).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+Z unfinished\n$/);
  expect(log.lastLines(2, 100)).toBe('two\nunfinished');
  log.open(2);
  expect(readdirSync(folder).sort()).toEqual(['1.log', '2.log']);
  log.close();
});

test('a character cut between two chunks is whole', async () => {
  const log = new ContainerLog(folder);
  log.open(0);
  const text = Buffer.from('grün\n');
  log.write('stdout', text.subarray(0, 3));
  log.write('stdout', text.subarray(3));
  expect(await read(log)).toBe('grün\n');
  log.close();
});

test('followers see every line through rotations and end with the run', async () => {
  const log = new ContainerLog(folder, 2_000);
  log.open(0);
  const wanted: string[] = [];
  const following = read(log, { follow: true });
  for (let line = 0; line < 200; line += 1) {
    wanted.push(`line ${line}`);
    log.write('stdout', Buffer.from(`line ${line}\n`));
    if (line % 10 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  log.close();
  expect((await following).trimEnd().split('\n')).toEqual(wanted);
  expect(readdirSync(folder).sort()).toEqual(['0.log', '0.log.1']);
});

test('a follower can leave while it waits', async () => {
  const log = new ContainerLog(folder);
  log.open(0);
  const iterator = log.read({ ...options, follow: true }, Date.now())?.[Symbol.asyncIterator]();
  const pending = iterator?.next();
  await iterator?.return?.();
  expect(await pending).toMatchObject({ done: true });
  log.close();
});

test('a pod keeps its IP over restarts, and another gets another', () => {
  const file = join(folder, 'ips.json');
  const first = new PodIPs(file, '127.70.1');
  expect(first.ipOf('ns/a', () => true)).toBe('127.70.1.1');
  expect(first.ipOf('ns/b', () => true)).toBe('127.70.1.2');
  expect(new PodIPs(file, '127.70.1').ipOf('ns/b', () => true)).toBe('127.70.1.2');
});
