import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { asArray, asObject } from '../json.ts';
import type { Json, JsonObject } from '../json.ts';
import { openServer } from '../testing/open-server.ts';
import type { TestServer } from '../testing/open-server.ts';
import { until } from './case.ts';
import { accessFromKubeconfig, ContractClient } from './client.ts';
import type { Answer } from './client.ts';
import { randomOperations } from './random-operations.ts';
import { WIDGET_CRD, WIDGET_GROUP } from './widget.ts';

/** The same random writes on the embedded and on a real server: the answers must be equal, managedFields included. */
const kubeconfig = process.env['ANNULUS_CONTRACT_KUBECONFIG'] ?? '';
const OPERATIONS = 150;
const seed = Number(process.env['ANNULUS_CONTRACT_SEED'] ?? Date.now() % 100_000);
const NAMESPACE = `differential-${process.pid}`;
const URL_PATH = `/apis/${WIDGET_GROUP}/v1/namespaces/${NAMESPACE}/widgets`;
const CRD_PATH = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';

const managerKey = (entry: JsonObject): string =>
  [entry['manager'], entry['operation'], entry['subresource']].join('/');
const byText = (a: Json, b: Json): number => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1);

/** An answer without what two servers cannot agree on: ids, versions, times, and the order that hangs on times. */
function comparable({ code, body }: Answer): Json {
  if (body['kind'] === 'Status') {
    const { causes, ...details } = asObject(body['details']);
    return { code, message: body['message'], details, causes: asArray(causes).toSorted(byText) };
  }
  const {
    uid: _uid,
    resourceVersion: _version,
    creationTimestamp: _created,
    managedFields,
    ...metadata
  } = asObject(body['metadata']);
  const managers = asArray(managedFields)
    .map(asObject)
    .map(({ time: _time, ...entry }) => entry)
    .sort((a, b) => (managerKey(a) < managerKey(b) ? -1 : 1));
  return { code, ...body, metadata: { ...metadata, managers } };
}

async function prepare(client: ContractClient): Promise<void> {
  await client.apply(`${CRD_PATH}/widgets.${WIDGET_GROUP}`, 'contract', WIDGET_CRD, 'force=true');
  await client.post('/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: NAMESPACE } });
  await until(
    () => client.get(URL_PATH),
    (answer) => answer.code === 200,
  );
}

if (kubeconfig === '') {
  console.warn('random writes on both API servers: skipped; set ANNULUS_CONTRACT_KUBECONFIG to run them');
  test.skip('random writes get equal answers (ANNULUS_CONTRACT_KUBECONFIG is not set)', () => undefined);
} else {
  let ours: TestServer;
  let real: ContractClient;
  beforeAll(async () => {
    ours = await openServer();
    real = new ContractClient(accessFromKubeconfig(kubeconfig));
    await Promise.all([prepare(ours.client), prepare(real)]);
  }, 60_000);
  afterAll(async () => {
    await real.delete(`/api/v1/namespaces/${NAMESPACE}`);
    real.close();
    await ours.close();
  });

  test(`random writes get equal answers (seed ${seed}; again with ANNULUS_CONTRACT_SEED=${seed})`, async () => {
    for (const [i, { what, subresource, query, contentType, body }] of randomOperations(seed, OPERATIONS).entries()) {
      const write = (client: ContractClient): Promise<Answer> =>
        client.call('PATCH', `${URL_PATH}/f${subresource}${query}`, { body, contentType });
      const [mine, theirs] = await Promise.all([write(ours.client), write(real)]);
      expect({ operation: `${i}: ${what}`, answer: comparable(mine) }).toEqual({
        operation: `${i}: ${what}`,
        answer: comparable(theirs),
      });
    }
  }, 120_000);
}
