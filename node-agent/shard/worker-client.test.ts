import { once } from 'node:events';
import { EventEmitter } from 'node:events';
import { describe, expect, test } from '@jest/globals';
import { pino } from 'pino';
import { WorkerClient } from './worker-client.ts';

/** A worker from source text, in place of the real one. */
function client(source: string): { worker: WorkerClient; events: EventEmitter } {
  const events = new EventEmitter();
  const entry = new URL(
    `data:text/javascript,${encodeURIComponent(`import { parentPort } from 'node:worker_threads'; ${source}`)}`,
  );
  const start = { dataDir: '/nowhere', node: '', index: 0, diskReserveBytes: undefined, tuning: {} };
  const worker = new WorkerClient(
    start,
    pino({ level: 'silent' }),
    { failed: (...args) => events.emit('failed', ...args), exit: (error) => events.emit('exit', error) },
    entry,
  );
  return { worker, events };
}

describe('a worker behind typed calls', () => {
  test('calls of one turn cross as one message, answers find their calls in any order', async () => {
    const { worker } = client(`parentPort.on('message', (requests) => parentPort.postMessage({ type: 'replies',
      replies: requests.toReversed().map(({ id, args }) => ({ id, ok: true, result: [args[0], requests.length] })) }))`);
    const answers = await Promise.all(['a', 'b', 'c'].map((shard) => worker.call('count', [shard, null])));
    expect(answers).toEqual([
      ['a', 3],
      ['b', 3],
      ['c', 3],
    ]);
    await worker.terminate();
  });

  test('its death rejects all that wait, is told once, and later calls are refused', async () => {
    const { worker, events } = client(
      `parentPort.once('message', () => setTimeout(() => { throw new Error('boom') }, 5))`,
    );
    const exit = once(events, 'exit');
    const calls = await Promise.allSettled(['a', 'b'].map((shard) => worker.call('count', [shard, null])));
    for (const call of calls) {
      expect(call).toMatchObject({ status: 'rejected', reason: { code: 'ANN_SHARD_UNAVAILABLE' } });
      expect(String(call.status === 'rejected' && call.reason)).toMatch(/boom/);
    }
    await exit;
    expect(worker.exited).toBe(true);
    await expect(worker.call('count', ['a', null])).rejects.toMatchObject({ code: 'ANN_SHARD_UNAVAILABLE' });
  });

  test('errors keep code and field; a value that cannot cross fails its call alone', async () => {
    const { worker, events } = client(`parentPort.on('message', (requests) => {
      parentPort.postMessage({ type: 'failed', shard: 's', message: 'torn' });
      parentPort.postMessage({ type: 'replies', replies: requests.map(({ id }) => ({ id, ok: false,
        error: { code: 'ANN_BAD_REQUEST', message: 'no', field: 'x' } })) }) })`);
    const failed = once(events, 'failed');
    await expect(worker.call('count', ['a', null])).rejects.toMatchObject({ code: 'ANN_BAD_REQUEST', field: 'x' });
    expect(await failed).toEqual(['s', 'torn']);
    await expect(worker.call('count', [(() => 1) as unknown as string, null])).rejects.toThrow(/could not be cloned/);
    await worker.terminate();
  });
});
