import { afterAll, beforeAll, describe } from '@jest/globals';
import type { FastifyInstance } from 'fastify';
import { TestCluster } from '../testing/test-cluster.ts';
import { clientSuite } from './testing/client-suite.ts';
import { operatorAdmin } from './testing/operator-admin.ts';
import { twinServer } from './testing/start.ts';

describe('the public JavaScript client against three nodes with two copies', () => {
  let cluster: TestCluster;
  let server: FastifyInstance | undefined;
  let url = '';
  beforeAll(async () => {
    cluster = await TestCluster.create(3);
    await cluster.startAll();
    cluster.operator.start();
    const { router } = cluster.node('ring-1');
    server = twinServer({ router, admin: operatorAdmin(cluster) }).server;
    url = await server.listen({ host: '127.0.0.1', port: 0 });
  });
  afterAll(async () => {
    await server?.close();
    await cluster.stop();
  });
  clientSuite(() => url);
});
