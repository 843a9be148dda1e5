import { setTimeout as sleep } from 'node:timers/promises';
import type { KubeApi } from '#operator/kube/api.ts';
import type { KubeObject, Resource } from '#operator/kube/object.ts';

const WATCH_SECONDS = 300;
const RETRY_MS = 200;

export interface WatchListener {
  /** Everything that there is. */
  listed(objects: readonly KubeObject[]): void;
  changed(object: KubeObject): void;
  deleted(object: KubeObject): void;
}

/** Keeps a listener told of every object of a resource until the signal, through restarts of the API server. Resolves after the first list. */
export async function watchAll(
  api: () => KubeApi,
  resource: Resource,
  namespace: string,
  signal: AbortSignal,
  listener: WatchListener,
): Promise<void> {
  const list = async (): Promise<string> => {
    const { items, resourceVersion } = await api().list(resource, { namespace });
    listener.listed(items);
    return resourceVersion;
  };
  let version = await list();
  void (async () => {
    while (!signal.aborted) {
      try {
        const options = { namespace, resourceVersion: version, timeoutSeconds: WATCH_SECONDS, signal };
        const watch = await api().watch(resource, options);
        for await (const { type, object } of watch.events) {
          if (type === 'ERROR') break;
          // The API server sends whole objects in these events.
          if (type === 'DELETED') listener.deleted(object as unknown as KubeObject);
          else if (type !== 'BOOKMARK') listener.changed(object as unknown as KubeObject);
        }
      } catch {
        // The API server was killed, or the signal came.
      }
      if (signal.aborted) return;
      await sleep(RETRY_MS);
      version = await list().catch(() => version);
    }
  })();
}
