import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { call, NodeProcesses } from '../testing/node-processes.ts';
import { until } from '../testing/test-cluster.ts';

const MIB = 1024 * 1024;
/** A quarter of it is the reserve. */
const DISK_BYTES = 128 * MIB;
const TEXT = 'x'.repeat(2_000);

/** Filled disks need one that is small: a tmpfs, which root alone may mount. */
const mayMount = spawnSync('unshare', ['--mount', 'true']).status === 0 && process.getuid?.() === 0;
if (!mayMount) console.warn('SKIPPED: tests of a full disk need root, to mount a small tmpfs');

(mayMount ? describe : describe.skip)('a full disk', () => {
  let nodes: NodeProcesses;
  const mounted: string[] = [];

  beforeEach(async () => {
    nodes = await NodeProcesses.create(2);
  });
  afterEach(async () => {
    nodes.operator.stop();
    await nodes.killAll();
    for (const path of mounted.splice(0)) spawnSync('umount', [path]);
    await nodes.stop();
  });

  function smallDisk(name: string): void {
    const path = nodes.dataDir(name);
    mkdirSync(path, { recursive: true });
    const made = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${DISK_BYTES}`, 'annulus-test', path]);
    expect(made.stderr.toString()).toBe('');
    mounted.push(path);
  }

  const ballast = (name: string): string => join(nodes.dataDir(name), 'ballast');

  /** Somebody else's file, so that so many bytes are free. */
  function leaveFree(name: string, bytes: number): void {
    rmSync(ballast(name), { force: true });
    const { bavail, bsize } = statfsSync(nodes.dataDir(name));
    try {
      writeFileSync(ballast(name), Buffer.alloc(Math.max(0, bavail * bsize - bytes)));
    } catch {
      // The last page: full is what was wanted.
    }
  }

  async function start(copies: number): Promise<void> {
    nodes.startAll();
    nodes.operator.start();
    await until('both answer', async () => (await nodes.isUp('ring-0')) && (await nodes.isUp('ring-1')), 30_000);
    nodes.operator.addCollection({ name: 'c', shards: 1, copies, dimension: 4, metric: 'Euclid' });
    await until('the collection takes writes', () => put(0, 1).then(ok, refused), 30_000);
  }

  const ok = (): boolean => true;
  const refused = (): boolean => false;
  const url = (path: string, node = 'ring-0'): string => nodes.url(node, `/collections/c/points${path}`);

  async function put(from: number, count: number, text = TEXT): Promise<unknown> {
    const points = Array.from({ length: count }, (_, i) => ({
      id: from + i,
      vector: [from + i, 1, 2, 3],
      payload: { text },
    }));
    return call('PUT', url('?wait=true'), { points });
  }

  async function count(): Promise<number> {
    const answer = (await call('POST', url('/count'), { exact: true })) as { result: { count: number } };
    return answer.result.count;
  }

  test('writes get 507 with node and shard, reads and deletes go on, a restart comes up, and space brings all back', async () => {
    smallDisk('ring-0');
    await start(1);
    leaveFree('ring-0', 60 * MIB);
    let written = 1;
    let failure = '';
    while (failure === '') {
      await put(written, 200).then(
        () => (written += 200),
        (error: unknown) => (failure = String(error)),
      );
    }
    expect(failure).toMatch(/ 507 .*node ring-0.*shard c-0/);
    // What was refused left nothing behind.
    expect(await count()).toBe(written);
    await call('POST', url('/delete?wait=true'), { points: [0] });
    expect(await count()).toBe(written - 1);

    // Not a byte: SQLite itself finds it full, in the middle of a transaction or not.
    leaveFree('ring-0', 0);
    await expect(put(1_000_000, 500)).rejects.toThrow(/ 507 /);
    expect(await count()).toBe(written - 1);
    await nodes.kill('ring-0');
    const restarted = nodes.spawn('ring-0');
    await until('it answers on a full disk', () => nodes.isUp('ring-0'), 30_000);
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    expect(restarted.exitCode).toBeNull();

    rmSync(ballast('ring-0'));
    await until(
      'it takes the writes that fit again',
      () => call('POST', url('/delete?wait=true'), { points: [1] }).then(ok, refused),
      30_000,
    );
    expect(await count()).toBe(written - 2);
    await until('writes are taken again', () => put(0, 2).then(ok, refused), 30_000);
    expect(await count()).toBe(written);
    expect(restarted.exitCode).toBeNull();
  }, 120_000);

  test('SQLite finds the disk full in the middle of a transaction: nothing of it stays, and it goes on when there is room', async () => {
    smallDisk('ring-0');
    await start(1);
    await put(1, 200);
    // Above the reserve, under what the next write needs.
    leaveFree('ring-0', 33 * MIB);
    await expect(put(1_000, 1_000, 'y'.repeat(20_000))).rejects.toThrow(
      / 507 .*node ring-0, shard c-0: the disk is full/,
    );
    expect(await count()).toBe(201);
    rmSync(ballast('ring-0'));
    await until('writes are taken again', () => put(201, 10).then(ok, refused));
    expect(await count()).toBe(211);
  }, 60_000);

  test('a replica with a full disk leaves the in-sync set, and comes back by itself when there is room', async () => {
    smallDisk('ring-1');
    await start(2);
    const replica = (): boolean => nodes.operator.shard('c-0').copies[1]!.inSync;
    leaveFree('ring-1', 8 * MIB);
    await put(1, 100);
    expect(replica()).toBe(false);
    expect(nodes.operator.requests.at(-1)!.reason).toMatch(/node ring-1.*shard c-0.*MiB of disk are free/);
    leaveFree('ring-1', 0);
    await put(101, 100);
    rmSync(ballast('ring-1'));
    await until('the replica is in sync again', replica, 30_000);
    await put(201, 100);
    expect(replica()).toBe(true);
    expect(await count()).toBe(301);
  }, 90_000);
});
