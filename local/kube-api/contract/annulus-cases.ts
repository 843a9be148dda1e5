import { expect } from '@jest/globals';
import { readdirSync, readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { asArray, asObject, asString, isObject } from '../json.ts';
import type { Json, JsonObject } from '../json.ts';
import { contractCases, until } from './case.ts';
import type { ContractCase } from './case.ts';
import type { ContractClient } from './client.ts';

const FOLDER = new URL('../../../crds/', import.meta.url);
const CRD_URL = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
const API_VERSION = 'annulus.dev/v1alpha1';

const definitions = (): JsonObject[] =>
  readdirSync(FOLDER)
    .filter((file) => file.endsWith('.yaml'))
    .map((file) => asObject(parse(readFileSync(new URL(file, FOLDER), 'utf8'))));

/** The message that the definition itself gives to a rule. */
function messageOf(kind: string, rule: string): string {
  const found: string[] = [];
  const search = (node: Json | undefined): void => {
    if (Array.isArray(node)) node.forEach(search);
    if (!isObject(node)) return;
    if (node['rule'] === rule) found.push(asString(node['message']));
    Object.values(node).forEach(search);
  };
  search(definitions().find((crd) => asObject(asObject(crd['spec'])['names'])['kind'] === kind));
  if (found[0] === undefined) throw new Error(`${kind} has no rule ${rule}: change this case with the definition`);
  return found[0];
}

const cluster = (name: string, spec: JsonObject): JsonObject => ({
  apiVersion: API_VERSION,
  kind: 'VectorCluster',
  metadata: { name },
  spec,
});

async function install(client: ContractClient): Promise<void> {
  for (const crd of definitions()) {
    const name = asString(asObject(crd['metadata'])['name']);
    const answer = await client.apply(`${CRD_URL}/${name}`, 'contract', crd, 'force=true');
    expect([name, answer.code, answer.body['message']]).toEqual([name, expect.anything(), undefined]);
    expect([200, 201]).toContain(answer.code);
    expect(answer.headers['warning']).toBeUndefined();
    const established = await until(
      () => client.get(`${CRD_URL}/${name}`),
      ({ body }) =>
        asArray(asObject(body['status'])['conditions'])
          .map(asObject)
          .some((c) => c['type'] === 'Established' && c['status'] === 'True'),
    );
    expect(established.code).toBe(200);
  }
}

/** The definitions of this project, as they are applied everywhere. */
export const ANNULUS_CASES: readonly ContractCase[] = contractCases([
  {
    name: 'the definitions are accepted without a warning, and refuse what they say they refuse',
    run: async ({ client, namespace }) => {
      await install(client);
      const url = `/apis/${API_VERSION}/namespaces/${namespace}/vectorclusters`;
      await until(
        () => client.get(url),
        (answer) => answer.code === 200,
      );
      const refusal = async (name: string, spec: JsonObject): Promise<unknown> =>
        (await client.post(`${url}?dryRun=All`, cluster(name, spec))).body['message'];
      const prefix = (name: string): string => `VectorCluster.annulus.dev "${name}" is invalid: `;
      expect(await refusal('x', { type: 'Sharded', nodes: 0 })).toBe(
        `${prefix('x')}spec.nodes: Invalid value: 0: spec.nodes in body should be greater than or equal to 1`,
      );
      expect(await refusal('x', { type: 'Logical' })).toBe(
        `${prefix('x')}spec: Invalid value: "object": ${messageOf('VectorCluster', "self.type != 'Logical' || has(self.host)")}`,
      );
      expect(await refusal('x', { type: 'Sharded', host: 'y' })).toBe(
        `${prefix('x')}spec: Invalid value: "object": ${messageOf('VectorCluster', "self.type == 'Logical' || !has(self.host)")}`,
      );
      expect(await refusal('1x', { type: 'Sharded' })).toBe(
        `${prefix('1x')}<nil>: Invalid value: "object": ${messageOf('VectorCluster', "self.metadata.name.matches('^[a-z]([-a-z0-9]{0,38}[a-z0-9])?$')")}`,
      );
    },
  },
  {
    name: 'a cluster gets its defaults, scales, and keeps its type',
    run: async ({ client, namespace }) => {
      const url = `/apis/${API_VERSION}/namespaces/${namespace}/vectorclusters`;
      const made = await client.post(url, cluster('demo', { type: 'Sharded', nodes: 3 }));
      expect(made.code).toBe(201);
      expect(made.body['spec']).toMatchObject({
        type: 'Sharded',
        nodes: 3,
        shards: 2,
        replicationFactor: 2,
        ring: { virtualNodes: 150, maxLoad: '1.2' },
      });
      const scaled = await client.patch(`${url}/demo/scale`, { spec: { replicas: 5 } }, 'merge');
      expect(scaled.body['spec']).toEqual({ replicas: 5 });
      const turned = await client.patch(`${url}/demo`, { spec: { type: 'Replicated' } }, 'merge');
      expect(turned.body['message']).toBe(
        `VectorCluster.annulus.dev "demo" is invalid: spec: Invalid value: "object": ${messageOf('VectorCluster', 'self.type == oldSelf.type')}`,
      );
      expect((await client.delete(`${url}/demo`)).code).toBe(200);
    },
  },
]);
