import { join } from 'node:path';
import type { PodLogs } from '../kube-api/api-types.ts';
import { ContainerLog } from './container-log.ts';

/** All containers' logs under one folder; what `kubectl logs` reads. */
export class LogStore {
  private readonly folder: string;
  /** namespace/pod -> container -> log, of pods that a worker has now. */
  private readonly pods = new Map<string, Map<string, ContainerLog>>();

  constructor(folder: string) {
    this.folder = folder;
  }

  /** The log of a container; opens no file yet. */
  log(namespace: string, pod: string, uid: string, container: string): ContainerLog {
    const key = `${namespace}/${pod}`;
    const logs = this.pods.get(key) ?? new Map<string, ContainerLog>();
    this.pods.set(key, logs);
    const made = new ContainerLog(join(this.folder, `${namespace}_${pod}_${uid}`, container));
    logs.set(container, made);
    return made;
  }

  /** Forgets a pod and removes its files. */
  remove(namespace: string, pod: string): void {
    const key = `${namespace}/${pod}`;
    for (const log of this.pods.get(key)?.values() ?? []) log.remove();
    this.pods.delete(key);
  }

  /** The reader to hand to the API server; pods here have one container that matters: the first. */
  readonly podLogs: PodLogs = (namespace, pod, options) => {
    const [first] = this.pods.get(`${namespace}/${pod}`)?.values() ?? [];
    return first?.read(options, Date.now()) ?? null;
  };
}
