import type { Logger } from 'pino';
import { errorText, isConflict, isNotFound } from '../kube/errors.ts';
import { splitKey } from '../kube/object.ts';
import { WorkQueue, type WorkResult } from '../kube/queue.ts';
import type { Metrics } from '../metrics.ts';

/** Reconciles one object from the caches; knows only its name (G1). */
export type Reconcile = (namespace: string, name: string) => Promise<WorkResult>;

export interface ControllerOptions {
  name: string;
  workers: number;
  reconcile: Reconcile;
  metrics: Metrics;
  log: Logger;
}

/** A work queue with metrics and logs around one reconcile function. */
export function createController({ name, workers, reconcile, metrics, log }: ControllerOptions): WorkQueue {
  return new WorkQueue({
    workers,
    work: async (key) => {
      const stop = metrics.reconcileSeconds.startTimer({ controller: name });
      try {
        const { namespace, name: object } = splitKey(key);
        const result = await reconcile(namespace, object);
        metrics.reconciles.inc({ controller: name, result: 'ok' });
        return result;
      } finally {
        stop();
      }
    },
    onError: (key, error, retryInMs) => {
      // A stale cache and an object deleted meanwhile are everyday: the retry cures them.
      const everyday = isConflict(error) || isNotFound(error);
      metrics.reconciles.inc({ controller: name, result: everyday ? 'conflict' : 'error' });
      const fields = { controller: name, object: key, retryInMs, err: everyday ? errorText(error) : error };
      if (everyday) log.debug(fields, 'reconcile comes again');
      else log.warn(fields, 'reconcile failed');
    },
  });
}
