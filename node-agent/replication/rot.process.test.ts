import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { randomUUID } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { ReadOptions } from '../routing/router.ts';
import type { ShardHost } from '../shard/shard-host.ts';
import { mulberry32 } from './sim-random.ts';
import { TestCluster, until } from '../testing/test-cluster.ts';

const READ: ReadOptions = { timeoutMs: 10_000, consistency: 'one' };
const FIELDS = { payload: true, vector: true };
const POINTS = 300;
const payloadOf = (id: number): string => JSON.stringify({ id, text: `text of ${id}` });

describe('a shard with copies on three nodes, compared every half second', () => {
  let cluster: TestCluster;

  beforeEach(async () => {
    cluster = await TestCluster.create(3);
    for (const node of ['ring-0', 'ring-1', 'ring-2']) cluster.config(node).antiEntropySeconds = 0.5;
  });
  afterEach(() => cluster.stop());

  const started = async (): Promise<void> => {
    await cluster.startAll();
    cluster.operator.start();
    cluster.operator.addCollection({ name: 'c', shards: 1, copies: 3, dimension: 3, metric: 'Euclid' });
    await until('the collection is ready', () =>
      [...cluster.nodes.values()].every((node) => node.maps.collection('c')?.tableVersion === 1),
    );
    await upsert(0, POINTS);
  };
  const upsert = (from: number, to: number): Promise<unknown> => {
    const points = Array.from({ length: to - from }, (_, i) => ({
      id: from + i,
      vector: Float32Array.from([from + i, 0, 1]),
      payload: payloadOf(from + i),
    }));
    return cluster.node('ring-0').router.write('c', [{ type: 'upsert', points }], { timeoutMs: 15_000 });
  };
  const place = (node: string) => cluster.operator.shard('c-0').copies.find((copy) => copy.node === node)!;
  const report = (node: string) => cluster.operator.reports.get(node)?.copies.find((copy) => copy.shard === 'c-0');
  const folder = (node: string): string => {
    const { uid } = cluster.operator.shard('c-0');
    return join(cluster.config(node).dataDir, 'shards', uid, place(node).allocationId);
  };
  const database = (node: string): string => join(folder(node), 'points.sqlite');
  const allEqual = async (): Promise<boolean> => {
    const digests = await Promise.all([...cluster.hosts.values()].map((host) => host.digest('c-0').catch(() => null)));
    return digests.every((digest) => digest !== null && digest.digest === digests[0]?.digest);
  };
  const allInSync = () => cluster.operator.shard('c-0').copies.every((copy) => copy.inSync);
  /** Every point, from every node, through whatever copy it takes. */
  const readAll = async (): Promise<void> => {
    const ids = Array.from({ length: POINTS }, (_, id) => id);
    for (const node of cluster.nodes.values()) {
      const found = await node.router.retrieve('c', ids, FIELDS, READ);
      expect(found.map((point) => point.payload)).toEqual(ids.map(payloadOf));
    }
  };

  /** Bits on the disk that nobody wrote. */
  function rot(node: string, id: number): void {
    const db = new DatabaseSync(database(node));
    db.exec('PRAGMA wal_checkpoint(TRUNCATE)');
    db.close();
    const bytes = readFileSync(database(node));
    const text = `text of ${id}"`;
    let found = 0;
    // In the row, and in the log.
    for (let at = bytes.indexOf(text); at >= 0; at = bytes.indexOf(text, at + 1), found++) bytes[at + 2]! ^= 4;
    expect(found).toBeGreaterThan(0);
    writeFileSync(database(node), bytes);
  }

  /** As the operator does: a failed copy is given up, and made anew on the same node. */
  function replace(node: string): void {
    const shard = cluster.operator.shard('c-0');
    Object.assign(place(node), { role: 'Joining', inSync: false, allocationId: randomUUID() });
    shard.configVersion++;
    cluster.operator.push();
  }

  test('a replica whose row differs, though its checksum is right, is found, leaves the set, and is repaired while writes go on', async () => {
    await started();
    const db = new DatabaseSync(database('ring-1'));
    const [row] = db.prepare('SELECT label, id FROM points WHERE payload = ?').all(payloadOf(7));
    const payload = '{"id":7,"text":"never written"}';
    const sum = crc32(payload, crc32(row!['id'] as Uint8Array));
    db.prepare('UPDATE points SET payload = ?, psum = ? WHERE label = ?').run(payload, sum, row!['label']!);
    db.close();
    let written = POINTS;
    await until('the difference is told', async () => {
      await upsert(written, ++written);
      return (report('ring-0')?.divergences ?? 0) > 0;
    });
    await until('in sync again', async () => {
      await upsert(written, ++written);
      return allInSync() && place('ring-1').inSync;
    });
    expect(cluster.operator.requests.map(({ action, node }) => `${action} ${node}`)).toEqual([
      'REMOVE_FROM_IN_SYNC ring-1',
      'ADD_TO_IN_SYNC ring-1',
    ]);
    await until('equal', allEqual);
    await readAll();
    expect(report('ring-0')?.divergences).toBe(1);
    expect(await cluster.node('ring-0').metrics.text()).toContain('annulus_shard_divergences_total{shard="c-0"} 1');
  });

  test('equal copies are left alone', async () => {
    await started();
    const audits = { count: 0 };
    const host = cluster.hosts.get('ring-1')!;
    const digestBuckets = host.digestBuckets.bind(host);
    host.digestBuckets = (...args) => {
      audits.count++;
      return digestBuckets(...args);
    };
    let written = POINTS;
    await until('compared five times', async () => {
      await upsert(written, ++written);
      return audits.count >= 5;
    });
    expect(cluster.operator.requests).toEqual([]);
    expect(report('ring-0')?.divergences).toBe(0);
  });

  test('a rotten row of a replica is found without being read by anybody; the copy is made anew', async () => {
    await started();
    rot('ring-2', 42);
    await until('the copy says that it failed', () => report('ring-2')?.state === 'FAILED');
    expect(report('ring-2')?.message).toMatch(/point 42 has a wrong checksum/);
    await readAll();
    replace('ring-2');
    await until('in sync again', allInSync, 20_000);
    await until('equal', allEqual);
    await readAll();
  });

  test('a rotten row of a primary is found; another copy takes over and the rotten one is made anew', async () => {
    await started();
    rot('ring-0', 42);
    await until('the primary says that it failed', () => report('ring-0')?.state === 'FAILED');
    await readAll();
    cluster.operator.promote('c-0', 'ring-1');
    replace('ring-0');
    await until('in sync again', allInSync, 20_000);
    await until('equal', allEqual);
    await upsert(POINTS, POINTS + 1);
    await readAll();
  });

  test('entries and batches that change on the wire are refused, sent again, and nobody becomes different', async () => {
    const spoiled = { apply: 0, importBatch: 0 };
    await cluster.start('ring-0');
    await cluster.start('ring-1', (host) => spoiling(host, spoiled));
    await cluster.start('ring-2', (host) => spoiling(host, spoiled));
    cluster.operator.start();
    cluster.operator.addCollection({ name: 'c', shards: 1, copies: 3, dimension: 3, metric: 'Euclid' });
    await until('the collection is ready', () => cluster.node('ring-0').maps.collection('c')?.tableVersion === 1);
    for (let at = 0; at < POINTS; at += 10) await upsert(at, at + 10);
    expect(spoiled.apply).toBeGreaterThan(0);
    // What the primary remembers goes too: only a full recovery helps.
    await cluster.hosts.get('ring-0')!.trimLog('c-0', 10_000);
    await cluster.stopNode('ring-0');
    await cluster.start('ring-0');
    replace('ring-2');
    await until('in sync again', allInSync, 20_000);
    expect(spoiled.importBatch).toBeGreaterThan(0);
    expect(await allEqual()).toBe(true);
    await readAll();
  });
});

/** A host that gets every fifth message or so with a bit flipped. */
function spoiling(host: ShardHost, spoiled: { apply: number; importBatch: number }): ShardHost {
  const random = mulberry32(7);
  const flipped = (kind: 'apply' | 'importBatch', bytes: Uint8Array): Uint8Array => {
    const first = kind === 'importBatch' && spoiled.importBatch === 0;
    if (bytes.byteLength === 0 || (!first && random() > 0.2)) return bytes;
    spoiled[kind]++;
    const copy = Uint8Array.from(bytes);
    copy[copy.length >> 1]! ^= 1;
    return copy;
  };
  const { apply, importBatch } = host;
  host.apply = (shard, term, entries) => apply.call(host, shard, term, flipped('apply', entries));
  host.importBatch = (shard, session, part) =>
    importBatch.call(host, shard, session, { ...part, batch: flipped('importBatch', part.batch) });
  return host;
}
