import type { AnnulusNode } from './node.ts';

/** Answers of the probes and of Prometheus, to be mounted on the client port. */
export interface Health {
  healthz(): { ok: boolean; text: string };
  readyz(): { ok: boolean; text: string };
  metrics(): Promise<string>;
}

export function createHealth(node: AnnulusNode): Health {
  return {
    // That this answers says that the main thread turns; worker threads are the copies' business.
    healthz: () => ({ ok: true, text: 'alive' }),
    readyz: () => node.ready(),
    metrics: () => node.metrics.text(),
  };
}
