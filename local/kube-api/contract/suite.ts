import { afterAll, beforeAll, describe, test } from '@jest/globals';
import { ContractClient } from './client.ts';
import type { Access } from './client.ts';
import { ANNULUS_CASES } from './annulus-cases.ts';
import { APPLY_CASES } from './apply-cases.ts';
import { until } from './case.ts';
import type { ContractCase, ContractContext } from './case.ts';
import { CUSTOM_CASES } from './custom-cases.ts';
import { DELETION_CASES } from './deletion-cases.ts';
import { REFUSAL_CASES } from './refusal-cases.ts';
import { VIEW_CASES } from './view-cases.ts';
import { WATCH_CASES } from './watch-cases.ts';
import { WRITE_CASES } from './write-cases.ts';
import { WIDGET_CRD, WIDGET_GROUP } from './widget.ts';

/** The slowest case waits for a real server's background work. */
const CASE_TIMEOUT_MS = 120_000;
const CRD_URL = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';

async function prepare(context: ContractContext): Promise<void> {
  const { client, namespace } = context;
  await client.delete(`${CRD_URL}/widgets.${WIDGET_GROUP}`);
  await until(
    () => client.get(`${CRD_URL}/widgets.${WIDGET_GROUP}`),
    (answer) => answer.code === 404,
  );
  const made = await client.post(CRD_URL, WIDGET_CRD);
  if (made.code !== 201) throw new Error(`the contract's CRD was refused: ${made.text}`);
  await client.post('/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } });
  const ready = await until(
    () => client.get(context.widgets()),
    (answer) => answer.code === 200,
  );
  if (ready.code !== 200) throw new Error(`widgets are not served: ${ready.text}`);
}

const ALL_CASES: Readonly<Record<string, readonly ContractCase[]>> = {
  'writes and conflicts': WRITE_CASES,
  refusals: REFUSAL_CASES,
  'server-side apply': APPLY_CASES,
  'custom resources': CUSTOM_CASES,
  deletion: DELETION_CASES,
  watch: WATCH_CASES,
  'lists, tables and discovery': VIEW_CASES,
  "Annulus' own kinds": ANNULUS_CASES,
};

/** Declares the whole contract as tests against one server. */
export function describeContract(title: string, access: () => Access): void {
  describe(title, () => {
    let context: ContractContext;
    beforeAll(async () => {
      const namespace = `contract-${process.pid}-${Date.now() % 100_000}`;
      const withName = (url: string, name?: string): string => (name === undefined ? url : `${url}/${name}`);
      context = {
        client: new ContractClient(access()),
        namespace,
        core: (resource, name) => withName(`/api/v1/namespaces/${namespace}/${resource}`, name),
        widgets: (name) => withName(`/apis/${WIDGET_GROUP}/v1/namespaces/${namespace}/widgets`, name),
      };
      await prepare(context);
    }, CASE_TIMEOUT_MS);
    afterAll(async () => {
      await context.client.delete(`/api/v1/namespaces/${context.namespace}`);
      await context.client.delete(`${CRD_URL}/widgets.${WIDGET_GROUP}`);
      context.client.close();
    }, CASE_TIMEOUT_MS);
    for (const [topic, cases] of Object.entries(ALL_CASES)) {
      describe(topic, () => {
        for (const { name, run } of cases) test(name, () => run(context), CASE_TIMEOUT_MS);
      });
    }
  });
}
