import { describe, expect, test } from '@jest/globals';
import {
  IDLE_MARGIN_MS,
  ReflectorMachine,
  RELIST_MS,
  WATCH_SECONDS,
  type Effect,
  type Versioned,
} from './reflector-machine.ts';

const object = (name: string, resourceVersion: string): Versioned => ({
  metadata: { name, namespace: 'a', resourceVersion },
});
const kinds = (effects: Effect[]): string[] => effects.map((effect) => effect.do);

/** A machine that has listed `objects` at time 0 and watches. */
function watching(...objects: Versioned[]): ReflectorMachine<Versioned> {
  const machine = new ReflectorMachine<Versioned>(0);
  expect(kinds(machine.tick(0, 0))).toEqual(['list']);
  expect(kinds(machine.onPage(objects, '10', '', 0, 0))).toEqual(['changed', 'watch']);
  return machine;
}

describe('reflector', () => {
  test('gathers pages, and shows nothing before the last one', () => {
    const machine = new ReflectorMachine<Versioned>(0);
    machine.tick(0, 0);
    expect(machine.onPage([object('x', '1')], '5', 'more', 1, 0)).toEqual([{ do: 'list', next: 'more' }]);
    expect(machine.synced).toBe(false);
    expect(machine.objects.size).toBe(0);
    const effects = machine.onPage([object('y', '2')], '5', '', 2, 0);
    expect(effects).toEqual([
      { do: 'changed', keys: ['a/x', 'a/y'] },
      { do: 'watch', resourceVersion: '5', timeoutSeconds: WATCH_SECONDS },
    ]);
    expect(machine.synced).toBe(true);
  });

  test('goes on from the last version that an event or a bookmark brought', () => {
    const machine = watching(object('x', '3'));
    expect(machine.onEvent('MODIFIED', 'a/x', '11', object('x', '11'), 1000)).toEqual([
      { do: 'changed', keys: ['a/x'] },
    ]);
    expect(machine.onEvent('BOOKMARK', '/', '20', undefined, 2000)).toEqual([]);
    expect(machine.objects.get('a/x')?.metadata.resourceVersion).toBe('11');
    expect(machine.onWatchEnd(290_000, 0)).toEqual([
      { do: 'watch', resourceVersion: '20', timeoutSeconds: WATCH_SECONDS },
    ]);
    expect(machine.onEvent('DELETED', 'a/x', '21', undefined, 291_000)).toEqual([{ do: 'changed', keys: ['a/x'] }]);
    expect(machine.objects.size).toBe(0);
  });

  test('an object that cannot be parsed any more is absent', () => {
    const machine = watching(object('x', '3'));
    machine.onEvent('MODIFIED', 'a/x', '12', undefined, 1);
    expect(machine.objects.has('a/x')).toBe(false);
  });

  test('410 lists again into a fresh map and tells what differs', () => {
    const machine = watching(object('same', '1'), object('changed', '2'), object('gone', '3'));
    expect(kinds(machine.onFailure(true, 5000, 0))).toEqual(['closeWatch']);
    expect(machine.state).toBe('waiting');
    expect(kinds(machine.tick(5799, 0))).toEqual([]);
    expect(kinds(machine.tick(5800, 0))).toEqual(['list']);
    const effects = machine.onPage(
      [object('same', '1'), object('changed', '9'), object('new', '8')],
      '30',
      '',
      6000,
      0,
    );
    expect(effects[0]).toEqual({ do: 'changed', keys: ['a/gone', 'a/changed', 'a/new'] });
    expect(effects[1]).toMatchObject({ do: 'watch', resourceVersion: '30' });
  });

  test('another failure of a watch goes on where it was, later and later, and never gives up', () => {
    const machine = watching(object('x', '3'));
    let now = 1000;
    const waits: number[] = [];
    for (let i = 0; i < 8; i++) {
      const failedAt = now;
      machine.onFailure(false, now, 0);
      while (machine.state === 'waiting') {
        now += 100;
        const effects = machine.tick(now, 0);
        if (effects.length > 0) expect(effects).toEqual([{ do: 'watch', resourceVersion: '10', timeoutSeconds: 290 }]);
      }
      waits.push(now - failedAt);
    }
    expect(waits).toEqual([800, 1600, 3200, 6400, 12_800, 25_600, 30_000, 30_000]);
    // Two good minutes make a new start.
    machine.onEvent('BOOKMARK', '/', '40', undefined, now + 121_000);
    machine.onFailure(false, now + 121_000, 0);
    expect(kinds(machine.tick(now + 121_800, 0))).toEqual(['watch']);
  });

  test('a list that fails is listed again from its first page', () => {
    const machine = new ReflectorMachine<Versioned>(0);
    machine.tick(0, 0);
    machine.onPage([object('x', '1')], '5', 'more', 1, 0);
    machine.onFailure(false, 2, 0);
    expect(machine.tick(900, 0)).toEqual([{ do: 'list', next: '' }]);
    machine.onPage([object('y', '2')], '6', '', 901, 0);
    expect([...machine.objects.keys()]).toEqual(['a/y']);
  });

  test('a silent watch is dead after its life and a margin', () => {
    const machine = watching();
    const life = (WATCH_SECONDS + 30) * 1000 + IDLE_MARGIN_MS;
    expect(kinds(machine.tick(life - 1, 0))).toEqual([]);
    expect(kinds(machine.tick(life, 0))).toEqual(['closeWatch']);
    expect(kinds(machine.tick(life + 1000, 0))).toEqual(['watch']);
  });

  test('lists anew every ten minutes, whatever the watch says', () => {
    const machine = watching(object('x', '3'));
    machine.onEvent('BOOKMARK', '/', '12', undefined, RELIST_MS - 1);
    expect(kinds(machine.tick(RELIST_MS, 0))).toEqual(['closeWatch', 'list']);
    // Nothing was missed: nothing changed.
    const effects = machine.onPage([object('x', '3')], '13', '', RELIST_MS + 5, 0);
    expect(effects[0]).toEqual({ do: 'changed', keys: [] });
  });

  test('a server that hangs up at once is not hammered', () => {
    const machine = watching();
    expect(kinds(machine.onWatchEnd(10, 0))).toEqual([]);
    expect(machine.state).toBe('waiting');
  });
});
