import { afterEach, describe, expect, test } from '@jest/globals';
import { pino } from 'pino';
import { until } from '../testing/fixtures.ts';
import type { KubeApi, ListOptions, ListPage, WatchLine, WatchOptions } from './api.ts';
import { KubeError } from './errors.ts';
import type { KubeObject } from './object.ts';
import { Reflector } from './reflector.ts';
import { RESOURCES } from './resources.ts';

const pod = (name: string, resourceVersion: string, extra: object = {}): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, namespace: 'a', resourceVersion },
  ...extra,
});

/** An API whose lists and watches are written down beforehand. */
class Script {
  readonly lists: (ListPage | Error)[] = [];
  readonly listed: ListOptions[] = [];
  readonly watched: WatchOptions[] = [];
  /** Gives a line to the open watch; null ends it, an Error breaks it. */
  push: (line: WatchLine | Error | null) => void = () => undefined;

  readonly api = {
    list: async (_resource: unknown, options: ListOptions) => {
      this.listed.push(options);
      const answer = this.lists.shift() ?? { items: [], resourceVersion: '0', next: '' };
      if (answer instanceof Error) throw answer;
      return answer;
    },
    watch: async (_resource: unknown, options: WatchOptions) => {
      this.watched.push(options);
      const waiting: (WatchLine | Error | null)[] = [];
      let wake = (): void => undefined;
      this.push = (line) => {
        waiting.push(line);
        wake();
      };
      const events = async function* (): AsyncIterable<WatchLine> {
        for (;;) {
          const line = waiting.shift();
          if (line === null) return;
          if (line instanceof Error) throw line;
          if (line !== undefined) yield line;
          else await new Promise<void>((resolve) => (wake = resolve));
        }
      };
      return { events: events(), close: () => this.push(null) };
    },
  } as unknown as KubeApi;
}

const reflectors: Reflector<KubeObject>[] = [];
afterEach(() => reflectors.splice(0).forEach((reflector) => reflector.stop()));

function start(
  script: Script,
  change: { optional?: boolean } = {},
): { reflector: Reflector<KubeObject>; changes: string[] } {
  const changes: string[] = [];
  const reflector = new Reflector<KubeObject>({
    api: script.api,
    resource: RESOURCES.Pod,
    namespace: '',
    labelSelector: 'mine=true',
    parse: (object) => {
      if (object['broken'] === true) throw new Error('broken');
      return object;
    },
    onChange: (keys) => changes.push(...keys),
    log: pino({ level: 'silent' }),
    ...change,
  });
  reflectors.push(reflector);
  reflector.start();
  return { reflector, changes };
}

describe('reflector', () => {
  test('lists by pages, then watches from there', async () => {
    const script = new Script();
    script.lists.push({ items: [pod('x', '1')], resourceVersion: '5', next: 'more' });
    script.lists.push({ items: [pod('y', '2'), pod('z', '3', { broken: true })], resourceVersion: '5', next: '' });
    const { reflector, changes } = start(script);
    await until('synced', () => reflector.synced && script.watched.length === 1);
    expect(script.listed).toMatchObject([{ limit: 500, next: '', labelSelector: 'mine=true' }, { next: 'more' }]);
    expect(script.watched[0]).toMatchObject({ resourceVersion: '5' });
    expect(changes).toEqual(['a/x', 'a/y']);
    expect(reflector.unreadable('a')).toEqual(['a/z']);
    expect(reflector.unreadable('b')).toEqual([]);
    script.push({ type: 'MODIFIED', object: { ...pod('x', '9') } });
    script.push({ type: 'MODIFIED', object: { ...pod('y', '10', { broken: true }) } });
    script.push({ type: 'ADDED', object: { ...pod('new', '11') } });
    await until('events', () => changes.length === 5);
    expect(reflector.all().map(({ metadata }) => `${metadata.name}@${metadata.resourceVersion}`)).toEqual([
      'x@9',
      'new@11',
    ]);
    expect(reflector.get('a', 'x')?.metadata.resourceVersion).toBe('9');
    expect(reflector.in('b')).toEqual([]);
    expect(reflector.unreadable('a')).toEqual(['a/z', 'a/y']);
    script.push({ type: 'DELETED', object: { ...pod('z', '12', { broken: true }) } });
    script.push({ type: 'MODIFIED', object: { ...pod('y', '13') } });
    await until('events', () => changes.length === 7);
    expect(reflector.unreadable('a')).toEqual([]);
  });

  test('an expired version lists again; a broken watch goes on where it was', async () => {
    const script = new Script();
    script.lists.push({ items: [pod('x', '1')], resourceVersion: '5', next: '' });
    const { reflector } = start(script);
    await until('watching', () => script.watched.length === 1);
    script.push({ type: 'BOOKMARK', object: { metadata: { resourceVersion: '8' } } });
    script.push(new Error('connection reset'));
    await until('watching again', () => script.watched.length === 2);
    expect(script.watched[1]).toMatchObject({ resourceVersion: '8' });
    expect(script.listed).toHaveLength(1);
    script.lists.push({ items: [pod('y', '20')], resourceVersion: '30', next: '' });
    script.push({ type: 'ERROR', object: { kind: 'Status', code: 410, message: 'too old' } });
    await until('listed again', () => script.watched.length === 3);
    expect(reflector.all().map(({ metadata }) => metadata.name)).toEqual(['y']);
  });

  test('a resource that may be missing counts as empty', async () => {
    const script = new Script();
    script.lists.push(new KubeError('list', 403, ''));
    const { reflector } = start(script, { optional: true });
    await until('synced', () => reflector.synced);
    expect(reflector.all()).toEqual([]);
    const needed = new Script();
    needed.lists.push(new KubeError('list', 403, ''));
    const other = start(needed).reflector;
    await until('listed', () => needed.listed.length === 1);
    expect(other.synced).toBe(false);
    // It never gives up.
    await until('listed again', () => other.synced);
  });
});
