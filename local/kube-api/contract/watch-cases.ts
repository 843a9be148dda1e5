import { expect } from '@jest/globals';
import { asObject, asString } from '../json.ts';
import type { JsonObject } from '../json.ts';
import { contractCases, configMap, metaOf } from './case.ts';
import type { ContractCase } from './case.ts';
import type { ContractClient } from './client.ts';

/** The events of a watch until one passes, or the server ends it. */
async function collect(
  client: ContractClient,
  path: string,
  isLast: (event: JsonObject) => boolean,
): Promise<JsonObject[]> {
  const events: JsonObject[] = [];
  for await (const event of client.watch(path)) {
    events.push(event);
    if (isLast(event)) break;
  }
  return events;
}

const brief = (event: JsonObject): string =>
  `${asString(event['type'])} ${asString(asObject(asObject(event['object'])['metadata'])['name'])}`;
const isNamed =
  (type: string, name: string) =>
  (event: JsonObject): boolean =>
    brief(event) === `${type} ${name}`;

export const WATCH_CASES: readonly ContractCase[] = contractCases([
  {
    name: 'gives every change after a resourceVersion, in order',
    run: async ({ client, core }) => {
      const list = await client.get(core('configmaps'));
      const version = asString(metaOf(list)['resourceVersion']);
      await client.post(core('configmaps'), configMap('w1', { a: '1' }, { labels: { watch: 'order' } }));
      await client.patch(core('configmaps', 'w1'), { data: { a: '2' } }, 'merge');
      await client.delete(core('configmaps', 'w1'));
      const events = await collect(
        client,
        `${core('configmaps')}?watch=1&labelSelector=watch%3Dorder&resourceVersion=${version}`,
        isNamed('DELETED', 'w1'),
      );
      expect(events.map(brief)).toEqual(['ADDED w1', 'MODIFIED w1', 'DELETED w1']);
      const versions = events.map((event) =>
        Number(asObject(asObject(event['object'])['metadata'])['resourceVersion']),
      );
      expect(versions).toEqual([...versions].sort((a, b) => a - b));
      expect(new Set(versions).size).toBe(3);
    },
  },
  {
    name: 'starts with what there is when no resourceVersion is given',
    run: async ({ client, core }) => {
      await client.post(core('configmaps'), configMap('w2'));
      const events = await collect(
        client,
        `${core('configmaps')}?watch=1&fieldSelector=metadata.name%3Dw2`,
        isNamed('ADDED', 'w2'),
      );
      expect(events.map(brief)).toEqual(['ADDED w2']);
    },
  },
  {
    name: 'an object that leaves a selector is deleted for that watch',
    run: async ({ client, core }) => {
      const made = await client.post(core('configmaps'), configMap('w3', {}, { labels: { in: 'yes' } }));
      const version = asString(metaOf(made)['resourceVersion']);
      await client.patch(core('configmaps', 'w3'), { metadata: { labels: { in: 'no' } } }, 'merge');
      await client.patch(core('configmaps', 'w3'), { metadata: { labels: { in: 'yes' } } }, 'merge');
      const events = await collect(
        client,
        `${core('configmaps')}?watch=1&labelSelector=in%3Dyes&resourceVersion=${version}`,
        isNamed('ADDED', 'w3'),
      );
      expect(events.map(brief)).toEqual(['DELETED w3', 'ADDED w3']);
    },
  },
  {
    name: 'ends after timeoutSeconds',
    run: async ({ client, core }) => {
      const version = asString(metaOf(await client.get(core('configmaps')))['resourceVersion']);
      const events = await collect(
        client,
        `${core('configmaps')}?watch=1&timeoutSeconds=1&resourceVersion=${version}`,
        () => false,
      );
      expect(events).toEqual([]);
    },
  },
  {
    name: 'initial events end with a marked bookmark',
    run: async ({ client, core }) => {
      await client.post(core('configmaps'), configMap('w4'));
      const query =
        'watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true&fieldSelector=metadata.name%3Dw4';
      const events = await collect(client, `${core('configmaps')}?${query}`, (event) => event['type'] === 'BOOKMARK');
      expect(events.map((event) => event['type'])).toEqual(['ADDED', 'BOOKMARK']);
      const bookmark = asObject(asObject(events[1])['object']);
      expect(bookmark).toMatchObject({
        kind: 'ConfigMap',
        apiVersion: 'v1',
        metadata: { annotations: { 'k8s.io/initial-events-end': 'true' } },
      });
      expect(Number(asObject(bookmark['metadata'])['resourceVersion'])).toBeGreaterThan(0);
      const alone = await client.get(`${core('configmaps')}?watch=1&sendInitialEvents=true&timeoutSeconds=1`);
      expect(alone.code).toBe(422);
      expect(alone.text).toContain('sendInitialEvents requires setting resourceVersionMatch to NotOlderThan');
    },
  },
  {
    name: 'tables can be watched',
    run: async ({ client, core }) => {
      await client.post(core('configmaps'), configMap('w5'));
      const answer = await client.call(
        'GET',
        `${core('configmaps')}?watch=1&timeoutSeconds=1&fieldSelector=metadata.name%3Dw5`,
        {
          accept: 'application/json;as=Table;v=v1;g=meta.k8s.io',
        },
      );
      const [first] = answer.text.split('\n');
      const event = asObject(JSON.parse(first ?? '{}'));
      expect(event).toMatchObject({
        type: 'ADDED',
        object: { kind: 'Table', rows: [{ cells: ['w5', 1, expect.any(String)] }] },
      });
    },
  },
]);
