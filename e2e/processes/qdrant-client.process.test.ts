import { afterAll, beforeAll, describe } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { clientSuite } from '#node-agent/rest/testing/client-suite.ts';
import { Embedded, eventually } from './embedded.ts';

const SAMPLE = join(import.meta.dirname, '..', '..', 'manifests', 'samples', 'quickstart.yaml');

/** Operator, API server and nodes as the demo runs them, or whatever listens at ANNULUS_URL. */
describe('the public JavaScript client against a cluster from YAML', () => {
  const given = process.env['ANNULUS_URL'];
  let embedded: Embedded | undefined;

  beforeAll(async () => {
    if (given !== undefined) return;
    embedded = new Embedded();
    await embedded.start(readFileSync(SAMPLE, 'utf8'));
    const { url } = embedded;
    await eventually('collection words is green', 60_000, async () => {
      const answer = await fetch(`${url}/collections/words`);
      const { result } = (await answer.json()) as { result: { status?: string } | null };
      return result?.status === 'green' ? result : null;
    });
  }, 90_000);
  afterAll(async () => {
    await embedded?.close();
  }, 60_000);

  clientSuite(() => given ?? embedded!.url);
});
