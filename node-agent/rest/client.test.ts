import { afterAll, beforeAll, describe } from '@jest/globals';
import { clientSuite } from './testing/client-suite.ts';
import { twinServer } from './testing/start.ts';

describe('the public JavaScript client against the twin', () => {
  const { server } = twinServer();
  let url = '';
  beforeAll(async () => {
    url = await server.listen({ host: '127.0.0.1', port: 0 });
  });
  afterAll(() => server.close());
  clientSuite(() => url);
});
