import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { FRESH_MS, type NodeSight } from '../control/sights.ts';
import { makeSight } from '../testing/fixtures.ts';
import { NO_HEALTH, type ClusterHealth } from './health.ts';
import { judgeHealth, POD_DOWN_MS, type HealthInput, type PodState } from './judge-health.ts';

type Word = 'ALIVE' | 'SUSPECT' | 'DEAD';
const NOW = 1_000_000;
const names = (count: number): string[] => Array.from({ length: count }, (_, i) => `ring-${i}`);

/** A connected node's report: everybody is alive but for these. */
function says(node: string, nodes: string[], others: Record<string, Word> = {}): NodeSight {
  const sight = makeSight(node);
  const members = nodes
    .filter((name) => name !== node)
    .map((name) => ({ node: name, state: others[name] ?? ('ALIVE' as const), incarnation: 0, forMs: 0 }));
  return { ...sight, reportAt: NOW, report: { ...sight.report!, members } };
}

const away = (node: string): NodeSight => ({ node, connected: false, since: 0 });

interface Scene extends Partial<HealthInput> {
  /** What each heard node says of the others; the others are away. */
  words: Record<string, Record<string, Word>>;
}

function input(count: number, { words, ...change }: Scene): HealthInput {
  const nodes = names(count);
  const sights = nodes.map((node) => (words[node] === undefined ? away(node) : says(node, nodes, words[node])));
  return {
    nodes,
    former: [],
    sights: new Map(sights.map((sight) => [sight.node, sight])),
    pods: new Map(nodes.map((node) => [node, 'Running' as PodState])),
    before: NO_HEALTH,
    now: NOW,
    ...change,
  };
}

const judge = (count: number, scene: Scene): ClusterHealth => judgeHealth(input(count, scene));
const states = (health: ClusterHealth): string =>
  [...health.nodes.values()].map(({ state }) => state.slice(0, 1)).join('');
const dead = (...nodes: number[]): Record<string, Word> => Object.fromEntries(nodes.map((i) => [`ring-${i}`, 'DEAD']));

describe('by gossip', () => {
  test('all are alive that a majority calls alive, also one whose stream to the operator is lost', () => {
    expect(states(judge(5, { words: { 'ring-0': {}, 'ring-1': {}, 'ring-2': {} } }))).toBe('AAAAA');
    // ... and whose pod Kubernetes calls gone: Kubernetes may have lost its machine.
    const pods = new Map<string, PodState>([['ring-4', 'Absent']]);
    const before = judge(5, { words: {}, pods });
    const later = judge(5, { words: { 'ring-0': {}, 'ring-1': {}, 'ring-2': {} }, pods, before, now: NOW + 9_000 });
    expect(later.nodes.get('ring-4')?.state).toBe('Alive');
  });

  test('a node is dead when a majority of all says so, and only doubted before', () => {
    const words = { 'ring-0': dead(4), 'ring-1': dead(4), 'ring-2': {}, 'ring-3': {} };
    expect(states(judge(5, { words }))).toBe('AAAAS');
    expect(states(judge(5, { words: { ...words, 'ring-2': dead(4) } }))).toBe('AAAAD');
    expect(judge(5, { words: { ...words, 'ring-2': dead(4) } }).nodes.get('ring-4')?.why).toBe(
      '3 of 5 nodes call it dead',
    );
    const suspect = { 'ring-2': 'SUSPECT' } as const;
    expect(states(judge(3, { words: { 'ring-0': suspect, 'ring-1': {} } }))).toBe('AAS');
    expect(states(judge(3, { words: { 'ring-0': dead(2), 'ring-1': dead(2) } }))).toBe('AAD');
  });

  test('2|3: the three are believed, though the operator hears all five', () => {
    const majority = { 'ring-2': dead(0, 1), 'ring-3': dead(0, 1), 'ring-4': dead(0, 1) };
    const minority = { 'ring-0': dead(2, 3, 4), 'ring-1': dead(2, 3, 4) };
    expect(states(judge(5, { words: { ...minority, ...majority } }))).toBe('DDAAA');
  });

  test('2|3 with the operator among the two: it does not know, and calls nobody dead', () => {
    const health = judge(5, { words: { 'ring-0': dead(2, 3, 4), 'ring-1': dead(2, 3, 4) } });
    expect(health.majority).toBe(false);
    expect(states(health)).toBe('UUUUU');
  });

  test('everybody calls everybody dead (gossip is blocked, or all were stopped together): nobody is', () => {
    for (const count of [3, 5]) {
      const all = names(count).map((_, i) => i);
      const words = Object.fromEntries(all.map((i) => [`ring-${i}`, dead(...all.filter((j) => j !== i))]));
      expect(states(judge(count, { words }))).toBe('U'.repeat(count));
    }
  });

  test('a stopped node seems connected for a while: what it said before does not save it', () => {
    expect(states(judge(3, { words: { 'ring-0': dead(2), 'ring-1': dead(2), 'ring-2': {} } }))).toBe('AAD');
  });

  test('a report that is not fresh counts for nothing, and the judgement says when that will be', () => {
    const words = { 'ring-0': {}, 'ring-1': {} };
    const health = judge(3, { words });
    expect(health.nextAt).toBe(NOW + FRESH_MS);
    expect(states(judge(3, { words, now: NOW + FRESH_MS - 1 }))).toBe('AAA');
    expect(states(judge(3, { words, now: NOW + FRESH_MS }))).toBe('UUU');
  });

  test('before gossip runs nothing is known', () => {
    const scene = input(3, { words: { 'ring-0': {}, 'ring-1': {}, 'ring-2': {} } });
    for (const sight of scene.sights.values()) sight.report!.members = [];
    expect(judgeHealth(scene).majority).toBe(false);
    expect(states(judgeHealth(scene))).toBe('UUU');
  });

  test('a new operator believes the first majority that it hears', () => {
    const health = judge(3, { words: { 'ring-0': dead(2), 'ring-1': dead(2) }, before: NO_HEALTH });
    expect(health.nodes.get('ring-2')).toMatchObject({ state: 'Dead', since: NOW });
    expect(judge(3, { words: {}, before: NO_HEALTH }).nodes.get('ring-2')?.state).toBe('Unknown');
  });

  test('since when: from the first judgement that said so', () => {
    const words = { 'ring-0': {}, 'ring-1': {}, 'ring-2': {} };
    const before = judge(3, { words });
    expect(judge(3, { words, before, now: NOW + 5_000 }).nodes.get('ring-0')?.since).toBe(NOW);
  });
});

describe('by Kubernetes, where no majority is possible', () => {
  const pods = (state: PodState): ReadonlyMap<string, PodState> =>
    new Map([
      ['ring-0', 'Running'],
      ['ring-1', state],
    ]);

  test.each(['NotRunning', 'Absent'] as const)('two nodes: the pod is %s for long enough', (state) => {
    const words = { 'ring-0': dead(1) };
    const first = judge(2, { words, pods: pods(state) });
    expect(states(first)).toBe('US');
    expect(first.nextAt).toBe(NOW + POD_DOWN_MS);
    const before = judge(2, { words, pods: pods(state), before: first, now: NOW + POD_DOWN_MS - 1 });
    expect(states(before)).toBe('US');
    expect(states(judge(2, { words, pods: pods(state), before, now: NOW + POD_DOWN_MS }))).toBe('UD');
    // It ran in between: the time begins anew.
    const again = judge(2, { words, pods: pods('Running'), before, now: NOW + POD_DOWN_MS });
    expect(states(judge(2, { words, pods: pods(state), before: again, now: NOW + POD_DOWN_MS + 1 }))).toBe('US');
  });

  test('a clock that is set back makes nobody wait for the old time', () => {
    const scene = { words: { 'ring-0': dead(1) }, pods: pods('NotRunning') };
    const before = judge(2, { ...scene, before: judge(2, scene), now: NOW - 3_600_000 });
    expect(before.nodes.get('ring-1')).toMatchObject({ state: 'Suspect', since: NOW - 3_600_000 });
    expect(states(judge(2, { ...scene, before, now: NOW - 3_600_000 + POD_DOWN_MS }))).toBe('UD');
  });

  test('two nodes: a lost stream alone, and the other one calling it dead, is no death', () => {
    const words = { 'ring-0': dead(1) };
    const before = judge(2, { words });
    expect(states(judge(2, { words, before, now: NOW + 9_000 }))).toBe('UU');
  });

  test('two nodes that hear each other are alive; a single one too', () => {
    expect(states(judge(2, { words: { 'ring-0': {}, 'ring-1': {} } }))).toBe('AA');
    expect(states(judge(1, { words: { 'ring-0': {} } }))).toBe('A');
  });

  test('a node that is connected lives, whatever a stale cache of pods says', () => {
    const scene = { words: { 'ring-0': {}, 'ring-1': dead(0) }, pods: pods('NotRunning') };
    expect(states(judge(2, { ...scene, before: judge(2, scene), now: NOW + POD_DOWN_MS }))).toBe('UU');
  });

  test('three of five killed: the majority is gone, Kubernetes is not', () => {
    const three = new Map<string, PodState>(names(5).map((node, i) => [node, i < 2 ? 'Running' : 'NotRunning']));
    const words = { 'ring-0': dead(2, 3, 4), 'ring-1': dead(2, 3, 4) };
    const before = judge(5, { words, pods: three });
    expect(states(judge(5, { words, pods: three, before, now: NOW + POD_DOWN_MS }))).toBe('UUDDD');
  });

  test('a copy on what is no node any more: its pod is gone', () => {
    const scene = { words: { 'ring-0': {}, 'ring-1': {}, 'ring-2': {} }, former: ['ring-3'] };
    const later = judge(3, { ...scene, before: judge(3, scene), now: NOW + POD_DOWN_MS });
    expect(later.nodes.get('ring-3')).toMatchObject({ state: 'Dead', why: 'its pod is gone' });
  });
});

const word = fc.constantFrom<Word>('ALIVE', 'SUSPECT', 'DEAD');

test('property: dead by gossip only with a majority of all against it, and nobody while no majority is heard', () => {
  const scenes = fc
    .integer({ min: 1, max: 7 })
    .chain((count) =>
      fc.tuple(
        fc.constant(count),
        fc.array(fc.array(word, { minLength: count, maxLength: count }), { minLength: count, maxLength: count }),
        fc.array(fc.boolean(), { minLength: count, maxLength: count }),
      ),
    );
  fc.assert(
    fc.property(scenes, ([count, table, heard]) => {
      const nodes = names(count);
      const words = Object.fromEntries(
        nodes.flatMap((node, i) =>
          heard[i] ? [[node, Object.fromEntries(nodes.map((other, j) => [other, table[i]![j]!]))]] : [],
        ),
      );
      const health = judge(count, { words });
      const quorum = Math.floor(count / 2) + 1;
      const voices = heard.filter(Boolean).length;
      if (voices < quorum) expect(states(health)).toBe('U'.repeat(count));
      for (const [j, node] of nodes.entries()) {
        const against = nodes.filter((_, i) => i !== j && heard[i] && table[i]![j] === 'DEAD').length;
        if (health.nodes.get(node)?.state === 'Dead') expect(against).toBeGreaterThanOrEqual(quorum);
      }
      const anyDead = [...health.nodes.values()].some(({ state }) => state === 'Dead');
      expect(!anyDead || health.majority).toBe(true);
    }),
    { numRuns: 2_000 },
  );
});
