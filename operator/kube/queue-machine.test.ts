import { describe, expect, test } from '@jest/globals';
import { QueueMachine } from './queue-machine.ts';
import { WorkQueue } from './queue.ts';

describe('queue', () => {
  test('a key waits once, and the earliest time wins', () => {
    const queue = new QueueMachine();
    queue.add('a', 500);
    queue.add('a', 100);
    queue.add('a', 900);
    expect(queue.depth).toBe(1);
    expect(queue.nextAt()).toBe(100);
    expect(queue.take(99)).toBeUndefined();
    expect(queue.take(100)).toBe('a');
    expect(queue.take(1000)).toBeUndefined();
  });

  test('a key under work waits until it is done, and is not lost', () => {
    const queue = new QueueMachine();
    queue.add('a', 0);
    expect(queue.take(0)).toBe('a');
    queue.add('a', 1);
    queue.add('b', 2);
    expect(queue.take(5)).toBe('b');
    expect(queue.take(5)).toBeUndefined();
    expect(queue.nextAt()).toBeUndefined();
    queue.done('a');
    expect(queue.take(5)).toBe('a');
  });

  test('the one that has waited longest comes first', () => {
    const queue = new QueueMachine();
    queue.add('late', 20);
    queue.add('early', 10);
    expect([queue.take(30), queue.take(30)]).toEqual(['early', 'late']);
  });

  test('failures back off and success forgets them', () => {
    const queue = new QueueMachine();
    const waits: number[] = [];
    for (let i = 0, now = 0; i < 11; i++) {
      queue.add('a', now);
      queue.take(now);
      waits.push(queue.failed('a', now, 0));
      now += 100_000;
      queue.take(now);
      if (i < 10) queue.failed('a', now, 0);
    }
    expect(waits[0]).toBe(100);
    expect(waits[1]).toBe(400);
    expect(waits.at(-1)).toBe(60_000);
    queue.done('a');
    queue.add('a', 0);
    queue.take(0);
    expect(queue.failed('a', 0, 0)).toBe(100);
  });
});

describe('work queue', () => {
  test('works on a key one at a time, retries it, comes back when asked, and stops after the work under way', async () => {
    const seen: string[] = [];
    let running = 0;
    let most = 0;
    let failures = 0;
    const queue: WorkQueue = new WorkQueue({
      workers: 4,
      work: async (key) => {
        running += 1;
        most = Math.max(most, running);
        seen.push(key);
        await new Promise((resolve) => setImmediate(resolve));
        running -= 1;
        if (key === 'bad' && failures === 0) throw new Error('once');
        return seen.filter((other) => other === 'again').length === 1 && key === 'again' ? { requeueAfterMs: 1 } : {};
      },
      onError: () => (failures += 1),
    });
    for (const key of ['x', 'x', 'bad', 'again']) queue.add(key);
    while (seen.length < 5) await new Promise((resolve) => setTimeout(resolve, 5));
    await queue.stop();
    queue.add('late');
    expect(seen.toSorted()).toEqual(['again', 'again', 'bad', 'bad', 'x']);
    expect(failures).toBe(1);
    expect(most).toBe(3);
  });
});
