import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { ImportState, RangeBatch } from '../shard/shard-host.ts';
import { WINDOW_BATCHES, WINDOW_BYTES } from './limits.ts';
import { RecoverySource, type SourceReady } from './source-machine.ts';
import { Throttle } from './throttle.ts';

const FROM = { seqNo: 7, term: 2, total: 10 };
const key = (n: number): Uint8Array => Uint8Array.of(n);
const half = (more: Partial<ImportState> = {}): ImportState => ({
  seqNo: 5,
  term: 1,
  total: 9,
  sourceSeqNo: 6,
  sourceTerm: 2,
  lastKey: key(3),
  points: 4,
  complete: false,
  ...more,
});

function machine(mibPerSecond = 1e9): RecoverySource {
  return new RecoverySource(FROM, new Throttle(() => mibPerSecond));
}

const BATCHES = new Map(
  [10, WINDOW_BYTES / 2, WINDOW_BYTES, 1024 * 1024].map((bytes) => [bytes, new Uint8Array(bytes)]),
);

/** A source of `keys` points, one a batch, read at seqNo 7 + key. */
function part(after: Uint8Array | null, keys: number, bytes = 10): RangeBatch {
  const next = (after?.[0] ?? 0) + 1;
  const last = Math.min(next, keys);
  const points = next <= keys ? 1 : 0;
  return {
    batch: BATCHES.get(bytes)!,
    points,
    lastKey: points ? key(last) : after,
    done: next >= keys,
    seqNo: 7 + last,
    term: 2,
  };
}

const types = (ready: SourceReady[]): string[] => ready.map(({ type }) => type);

describe('where it begins', () => {
  test('nothing there: the log is kept before the target is emptied, and nothing is read before that', () => {
    const source = machine();
    expect(source.takeReady()).toEqual([{ type: 'ask' }]);
    source.step({ type: 'half', half: null }, 0);
    expect(source.takeReady()).toEqual([
      { type: 'exporting', seqNo: 7 },
      { type: 'begin', from: FROM },
    ]);
    expect(source.phase).toBe('Preparing');
    source.step({ type: 'begun' }, 0);
    expect(source.takeReady()).toEqual([{ type: 'read', afterKey: null }]);
  });

  test('a half that our log can go on with', () => {
    const source = machine();
    source.takeReady();
    source.step({ type: 'half', half: half() }, 0);
    expect(source.takeReady()).toEqual([{ type: 'check', half: half() }]);
    source.step({ type: 'checked', half: half(), resumable: true }, 0);
    expect(source.takeReady()).toEqual([
      { type: 'exporting', seqNo: 5 },
      { type: 'read', afterKey: key(3) },
    ]);
  });

  test('a half that it cannot: anew, from our own end', () => {
    const source = machine();
    source.takeReady();
    source.step({ type: 'half', half: half() }, 0);
    source.takeReady();
    source.step({ type: 'checked', half: half(), resumable: false }, 0);
    expect(source.takeReady()).toEqual([
      { type: 'exporting', seqNo: 7 },
      { type: 'begin', from: FROM },
    ]);
  });

  test('a complete one is only finished, at the moment of its last batch', () => {
    const source = machine();
    source.takeReady();
    source.step({ type: 'checked', half: half({ complete: true }), resumable: true }, 0);
    expect(source.takeReady()).toEqual([
      { type: 'exporting', seqNo: 5 },
      { type: 'finish', moment: { seqNo: 6, term: 2 } },
    ]);
    source.step({ type: 'finished' }, 0);
    expect(source.takeReady()).toEqual([{ type: 'done', resumedAt: 4, points: 0 }]);
  });
});

describe('the graph', () => {
  const labels = 'ours';
  const lending = (): RecoverySource => new RecoverySource({ ...FROM, labels }, new Throttle(() => 1e9));

  test('goes after the last batch is there, and the target is whole at its moment', () => {
    const source = lending();
    source.step({ type: 'begun' }, 0);
    source.step({ type: 'read', part: part(null, 1) }, 0);
    expect(types(source.takeReady())).not.toContain('sendGraph');
    source.step({ type: 'stored', bytes: 10 }, 0);
    expect(source.takeReady()).toEqual([{ type: 'sendGraph' }]);
    source.step({ type: 'graphSent', moment: { seqNo: 20, term: 3 } }, 0);
    expect(source.takeReady()).toEqual([{ type: 'finish', moment: { seqNo: 20, term: 3 } }]);
  });

  test('there is none to send: whole at the moment of the last batch', () => {
    const source = lending();
    source.step({ type: 'begun' }, 0);
    source.step({ type: 'read', part: part(null, 1) }, 0);
    source.step({ type: 'stored', bytes: 10 }, 0);
    source.takeReady();
    source.step({ type: 'graphSent', moment: null }, 0);
    expect(source.takeReady()).toEqual([{ type: 'finish', moment: { seqNo: 8, term: 2 } }]);
  });

  test.each([
    ['ours', 'sendGraph'],
    ['of another', 'finish'],
    [undefined, 'finish'],
  ])('a half whose labels are %p: then %p', (theirs, then) => {
    const source = lending();
    const resumed = half(theirs === undefined ? {} : { labels: theirs });
    source.step({ type: 'checked', half: resumed, resumable: true }, 0);
    source.step({ type: 'read', part: part(key(3), 4) }, 0);
    source.step({ type: 'stored', bytes: 10 }, 0);
    expect(types(source.takeReady()).at(-1)).toBe(then);
  });
});

test('whatever the order of answers: every batch once and in order, the window is kept, and the end comes when all is stored', () => {
  fc.assert(
    fc.property(
      fc.nat(30),
      fc.array(fc.boolean(), { maxLength: 200 }),
      fc.constantFrom(10, WINDOW_BYTES / 2, WINDOW_BYTES),
      (keys, choices, bytes) => {
        const source = machine();
        source.takeReady();
        source.step({ type: 'begun' }, 0);
        const sent: RangeBatch[] = [];
        let [stored, finish] = [0, 0];
        let reading: Uint8Array | null | undefined;
        const take = (): void => {
          for (const ready of source.takeReady()) {
            if (ready.type === 'read') {
              expect(reading).toBeUndefined();
              reading = ready.afterKey;
            } else if (ready.type === 'send') {
              expect(ready.afterKey).toEqual(sent.at(-1)?.lastKey ?? null);
              sent.push(ready.part);
            } else if (ready.type === 'finish') {
              finish++;
              expect(stored).toBe(sent.length);
              expect(ready.moment).toEqual({ seqNo: sent.at(-1)!.seqNo, term: 2 });
            }
          }
          expect(sent.length - stored).toBeLessThanOrEqual(WINDOW_BATCHES);
          expect((sent.length - stored - 1) * bytes).toBeLessThan(WINDOW_BYTES);
        };
        take();
        for (let i = 0; finish === 0; i++) {
          const preferRead = choices[i] ?? i % 2 === 0;
          if (reading !== undefined && (preferRead || stored === sent.length)) {
            const from: Uint8Array | null = reading;
            reading = undefined;
            source.step({ type: 'read', part: part(from, keys, bytes) }, i);
          } else if (stored < sent.length) {
            stored++;
            source.step({ type: 'stored', bytes }, i);
          }
          take();
          if (i > 500) throw new Error('no end');
        }
        expect(sent.reduce((sum, { points }) => sum + points, 0)).toBe(keys);
        expect(finish).toBe(1);
      },
    ),
  );
});

test('bytes wait for the throttle', () => {
  const source = machine(1);
  source.takeReady();
  source.step({ type: 'begun' }, 0);
  source.takeReady();
  const MIB = 1024 * 1024;
  source.step({ type: 'read', part: part(null, 9, MIB) }, 0);
  expect(types(source.takeReady())).toEqual(['send', 'read']);
  source.step({ type: 'read', part: part(key(1), 9, MIB) }, 100);
  expect(source.takeReady()).toEqual([]);
  expect(source.wakeAt).toBeCloseTo(1_000);
  source.tick(999);
  expect(source.takeReady()).toEqual([]);
  source.tick(1_000);
  expect(types(source.takeReady())).toEqual(['send', 'read']);
});

test('any failure ends it, once', () => {
  const source = machine();
  const error = new Error('x');
  source.takeReady();
  source.step({ type: 'failed', error }, 0);
  source.step({ type: 'failed', error }, 0);
  source.step({ type: 'half', half: null }, 0);
  expect(source.takeReady()).toEqual([{ type: 'fail', error }]);
  expect(source.wakeAt).toBeNull();
});
