import { expect, test } from '@jest/globals';
import { pino } from 'pino';
import type { KubeApi } from './api.ts';
import { KubeError } from './errors.ts';
import { EventRecorder } from './events.ts';
import type { KubeObject } from './object.ts';

test('the same note about the same object is one event that counts, even after a restart', async () => {
  const stored = new Map<string, KubeObject>();
  const api = {
    create: async (_resource: unknown, object: KubeObject) => {
      if (stored.has(object.metadata.name)) {
        throw new KubeError('create', 409, JSON.stringify({ kind: 'Status', reason: 'AlreadyExists' }));
      }
      stored.set(object.metadata.name, object);
      return object;
    },
    get: async (_resource: unknown, _namespace: string, name: string) => stored.get(name),
    mergePatch: async (_resource: unknown, _namespace: string, name: string, patch: object) => {
      stored.set(name, { ...stored.get(name)!, ...patch });
    },
  } as unknown as KubeApi;
  const about = { apiVersion: 'v1', kind: 'Shard', metadata: { name: 's', namespace: 'a', uid: 'u' } };
  const note = { type: 'Warning', reason: 'CopyReplaced', message: 'x' } as const;
  const recorder = new EventRecorder(api, pino({ level: 'silent' }), 'one');
  await recorder.record(about, note);
  await recorder.record(about, note);
  await new EventRecorder(api, pino({ level: 'silent' }), 'two').record(about, note);
  expect(stored.size).toBe(1);
  const [event] = stored.values();
  expect(event).toMatchObject({ count: 3, reason: 'CopyReplaced', involvedObject: { kind: 'Shard', uid: 'u' } });
  await recorder.record(about, { ...note, message: 'y' });
  expect(stored.size).toBe(2);
});

test('an event that cannot be written disturbs nobody', async () => {
  const api = { create: async () => Promise.reject(new Error('refused')) } as unknown as KubeApi;
  const recorder = new EventRecorder(api, pino({ level: 'silent' }), 'one');
  await recorder.record(
    { apiVersion: 'v1', kind: 'Shard', metadata: { name: 's' } },
    { type: 'Normal', reason: 'R', message: 'm' },
  );
});
