import type { FastifyInstance } from 'fastify';
import { pino } from 'pino';
import { createRestServer, type RestOptions } from '../server.ts';
import { MemoryRouter } from './memory-router.ts';

/** A REST server over a dumb twin of the router; not listening yet. */
export function twinServer(options: Partial<RestOptions> = {}): { server: FastifyInstance; router: MemoryRouter } {
  const router = new MemoryRouter();
  const server = createRestServer({
    router,
    admin: router,
    logger: pino({ level: 'silent' }),
    health: {
      healthz: () => ({ ok: true, text: 'ok' }),
      readyz: () => ({ ok: true, text: 'ready' }),
      metrics: () => Promise.resolve('annulus_up 1\n'),
    },
    ...options,
  });
  return { server, router };
}
