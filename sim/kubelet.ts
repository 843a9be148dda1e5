import { at, isObject, numberAt, textAt } from '#operator/kube/json.ts';
import { ordinalOf } from '#operator/pods.ts';
import type { KubeObject } from '#operator/kube/object.ts';
import type { KubeServer } from './kube-server.ts';

/** What Kubernetes can see of a pod's container. */
export type PodState = 'Starting' | 'Running' | 'Ready' | 'Terminated';

/** Where pods run. */
export interface Machines {
  /** A pod of this ordinal was made (again): start its process. */
  podAdded(name: string, pod: KubeObject): void;
  /** Its pod is to go: end it, and say when it is gone. */
  podRemoved(name: string, gone: () => void): void;
}

const NAMESPACE = 'default';
const WRITER = 'kubelet';

/** The StatefulSet controller and the kubelet: pods as the StatefulSet wants them, and their state as the machine says. */
export class Kubelet {
  readonly #server: KubeServer;
  readonly #machines: Machines;
  readonly #cluster: string;
  #leaving = new Set<string>();

  constructor(server: KubeServer, cluster: string, machines: Machines) {
    this.#server = server;
    this.#cluster = cluster;
    this.#machines = machines;
    server.watch('StatefulSet', () => server.kernel.after(20, null, () => this.#scale()));
    server.watch('Pod', () => server.kernel.after(20, null, () => this.#scale()));
  }

  /** Makes the pod's status say this. */
  report(name: string, state: PodState, ip: string): void {
    const pod = this.#server.get('Pod', NAMESPACE, name);
    if (pod === undefined) return;
    const running = state === 'Running' || state === 'Ready';
    const container = running ? { running: {} } : state === 'Starting' ? waiting() : { terminated: { exitCode: 137 } };
    const status = {
      phase: 'Running',
      podIP: ip,
      conditions: [{ type: 'Ready', status: state === 'Ready' ? 'True' : 'False' }],
      containerStatuses: [{ name: 'node', ready: state === 'Ready', state: container }],
    };
    this.#server.mergePatch('Pod', NAMESPACE, name, { status: { ...cleared(pod), ...status } }, WRITER);
  }

  #scale(): void {
    const set = this.#server.get('StatefulSet', NAMESPACE, this.#cluster);
    if (set === undefined) return;
    const replicas = numberAt(set, 'spec', 'replicas');
    for (let i = 0; i < replicas; i++) {
      const name = `${this.#cluster}-${i}`;
      if (this.#server.get('Pod', NAMESPACE, name) === undefined) this.#add(name, set);
    }
    for (const pod of this.#server.list('Pod')) {
      const { name } = pod.metadata;
      if (ordinalOf(this.#cluster, name) < replicas || this.#leaving.has(name)) continue;
      this.#leaving.add(name);
      this.#machines.podRemoved(name, () => {
        this.#leaving.delete(name);
        this.#server.remove('Pod', NAMESPACE, name, undefined, WRITER);
      });
    }
  }

  #add(name: string, set: KubeObject): void {
    if (this.#leaving.has(name)) return;
    const template = at(set, 'spec', 'template', 'metadata', 'labels');
    const pod = this.#server.create(
      'Pod',
      {
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: {
          name,
          namespace: NAMESPACE,
          labels: isObject(template) ? (template as Record<string, string>) : {},
        },
        spec: { nodeName: `machine-${name}` },
        status: { phase: 'Pending' },
      },
      WRITER,
    );
    this.#machines.podAdded(name, pod);
  }
}

function waiting(): object {
  return { waiting: { reason: 'ContainerCreating' } };
}

/** A merge patch keeps what it does not name. */
function cleared(pod: KubeObject): Record<string, null> {
  return textAt(pod, 'status', 'reason') === '' ? {} : { reason: null };
}
