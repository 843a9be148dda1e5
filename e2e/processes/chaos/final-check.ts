import type { Shard } from '#crds/v1alpha1/index.ts';
import { slotOf } from '#model/slot.ts';
import { foundHits, foundPage } from './answers.ts';
import { type CopyContent, readCopies } from './copies.ts';
import type { Findings } from './findings.ts';
import type { History } from './history.ts';
import { Http } from './http.ts';
import { seenState, STABLE, vectorOf } from './points.ts';
import type { Rig } from './rig.ts';

const PAGE = 1_000;
const TIMEOUT_MS = 20_000;
const QUERIES = 20;
const HITS = 10;

/** What the check saw, besides the findings. */
export interface FinalCheck {
  readonly points: number;
  readonly copies: number;
  /** Shards whose in-sync copies are not all equal. */
  readonly unequal: string[];
}

/**
 * Nothing is written any more and every shard is whole: compares what every node answers, and what every copy holds, with what was
 * acknowledged; and exact searches with brute force.
 */
export async function finalCheck(
  rig: Rig,
  collection: string,
  history: History,
  findings: Findings,
  shards: readonly Shard[],
): Promise<FinalCheck> {
  let points = 0;
  for (const node of (await rig.pods()).filter((pod) => pod.ready)) {
    const found = await scrollAll(rig.urlOf(node.name), collection, findings);
    checkPoints(`node ${node.name}`, found, history, findings);
    points = found.size;
    await checkSearches(rig.urlOf(node.name), collection, found, findings);
  }
  const contents = await readCopies(rig, shards);
  const unequal = new Set<string>();
  for (const shard of shards) {
    const copies = contents.filter((copy) => copy.shard === shard.metadata.name);
    const [first, ...others] = copies;
    if (first === undefined) continue;
    const { slots } = shard.spec;
    const own = (id: number): boolean => slotOf(id) >= slots.from && slotOf(id) <= slots.to;
    for (const { points: held, node } of copies) {
      const foreign = held.filter(({ id }) => !own(id));
      if (foreign.length > 0)
        findings.add('wrong', `${shard.metadata.name} on ${node}: ${foreign.length} foreign points`);
    }
    for (const other of others) {
      const difference = differs(first, other);
      if (difference === undefined) continue;
      unequal.add(shard.metadata.name);
      findings.add('wrong', `${shard.metadata.name}: ${first.node} and ${other.node} differ: ${difference}`);
    }
  }
  return { points, copies: contents.length, unequal: [...unequal] };
}

function differs(one: CopyContent, other: CopyContent): string | undefined {
  const texts = new Map(one.points.map((point) => [point.id, textOf(point)]));
  for (const point of other.points) {
    const text = texts.get(point.id);
    if (text !== textOf(point)) return `point ${point.id}: ${text ?? 'absent'} and ${textOf(point)}`;
    texts.delete(point.id);
  }
  const [left] = texts;
  return left === undefined ? undefined : `point ${left[0]}: ${left[1]} and absent`;
}

const textOf = ({ payload, vector }: { payload: unknown; vector: readonly number[] | undefined }): string =>
  `${JSON.stringify(payload)} ${vector?.join(' ') ?? ''}`;

async function scrollAll(url: string, collection: string, findings: Findings): Promise<Map<number, string>> {
  const http = new Http();
  const found = new Map<number, string>();
  let next: number | undefined;
  do {
    const body = {
      limit: PAGE,
      with_payload: true,
      with_vector: true,
      ...(next === undefined ? {} : { offset: next }),
    };
    const reply = await http.call(url, 'POST', `/collections/${collection}/points/scroll`, body, TIMEOUT_MS);
    if (reply.status !== 200) throw new Error(`scroll of ${url}: ${reply.status} ${reply.error}`);
    const page = foundPage(reply.result);
    for (const point of page.points) {
      if (found.has(point.id)) findings.add('duplicate', `scroll of ${url} at the end: point ${point.id}`);
      found.set(point.id, point.payload['stable'] === true ? 'stable' : seenState(point));
    }
    next = page.next;
  } while (next !== undefined);
  http.close();
  return found;
}

function checkPoints(where: string, found: Map<number, string>, history: History, findings: Findings): void {
  const now = performance.now();
  for (const id of history.all()) {
    const seen = found.get(id) ?? '';
    const verdict = history.judge(id, seen, now, now);
    if (verdict === 'right') continue;
    const text = `${where}: point ${id} is "${seen}", last "${[...history.possible(id)].join('" or "')}"`;
    findings.add(verdict === 'stale' ? 'lost' : verdict, text);
  }
  const known = new Set(history.all());
  for (const [id, state] of found) {
    if (state !== 'stable' && !known.has(id)) findings.add('wrong', `${where}: point ${id}, which nobody wrote`);
  }
  const stable = [...found.values()].filter((state) => state === 'stable').length;
  if (stable !== STABLE.count) findings.add('lost', `${where}: ${stable} of ${STABLE.count} stable points`);
}

async function checkSearches(
  url: string,
  collection: string,
  found: Map<number, string>,
  findings: Findings,
): Promise<void> {
  const http = new Http();
  const vectors = [...found].map(([id, state]) => ({
    id,
    vector: vectorOf(id, state === 'stable' ? 0 : Number(state.split('/')[0])),
  }));
  for (let i = 0; i < QUERIES; i++) {
    const query = vectorOf(i * 131, 1).map((x) => Math.fround(x + 0.02));
    const expected = vectors
      .map(({ id, vector }) => ({ id, distance: vector.reduce((sum, x, at) => sum + (x - query[at]!) ** 2, 0) }))
      .sort((a, b) => a.distance - b.distance || a.id - b.id)
      .slice(0, HITS)
      .map(({ id }) => id);
    const body = { query, limit: HITS, params: { exact: true } };
    const reply = await http.call(url, 'POST', `/collections/${collection}/points/query`, body, TIMEOUT_MS);
    const hits = foundHits(reply.result);
    if (hits.join() !== expected.join()) {
      findings.add('wrong', `exact search of ${url}: ${hits.join()} instead of ${expected.join()} ${reply.error}`);
    }
  }
  http.close();
}
