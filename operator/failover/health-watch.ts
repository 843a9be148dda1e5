import type { Logger } from 'pino';
import type { Caches } from '../caches.ts';
import { wantedNodes } from '../collections.ts';
import type { ControlHub } from '../control/hub.ts';
import { splitKey } from '../kube/object.ts';
import { ordinalOf } from '../pods.ts';
import { NO_HEALTH, type ClusterHealth } from './health.ts';
import { judgeHealth, type PodState } from './judge-health.ts';

export interface HealthWatchOptions {
  caches: Pick<Caches, 'clusters' | 'podsOf' | 'shardsOf'>;
  hub: Pick<ControlHub, 'sights'>;
  /** A node is believed otherwise than before, or a majority is heard or no longer. */
  onChanged: (clusterKey: string) => void;
  log: Logger;
}

interface Watched {
  health: ClusterHealth;
  timer?: NodeJS.Timeout;
}

/** Keeps the judgement of every cluster's nodes up to date: at every report, every change of pods, and when time alone changes it. */
export class HealthWatch {
  readonly #options: HealthWatchOptions;
  readonly #clusters = new Map<string, Watched>();
  #stopped = false;

  constructor(options: HealthWatchOptions) {
    this.#options = options;
  }

  /** The present judgement of a cluster's nodes. */
  of(clusterKey: string): ClusterHealth {
    return this.#clusters.get(clusterKey)?.health ?? NO_HEALTH;
  }

  /** Something that the judgement follows from has changed. */
  look(clusterKey: string): void {
    if (this.#stopped) return;
    const { caches, hub, onChanged } = this.#options;
    const { namespace, name } = splitKey(clusterKey);
    const cluster = caches.clusters.get(namespace, name);
    const watched = this.#clusters.get(clusterKey);
    clearTimeout(watched?.timer);
    if (cluster === undefined || cluster.spec.type === 'Logical') {
      this.#clusters.delete(clusterKey);
      return;
    }
    const pods = new Map<string, PodState>(
      caches.podsOf(namespace, name).map((pod) => [pod.metadata.name, pod.running ? 'Running' : 'NotRunning']),
    );
    const nodes = new Set(Array.from({ length: wantedNodes(cluster) }, (_, i) => `${name}-${i}`));
    for (const pod of pods.keys()) if (ordinalOf(name, pod) >= 0) nodes.add(pod);
    const holders = caches.shardsOf(namespace, name).flatMap((shard) => shard.status?.copies ?? []);
    const former = [...new Set(holders.map((copy) => copy.node))].filter((node) => !nodes.has(node));
    const before = watched?.health ?? NO_HEALTH;
    const now = Date.now();
    const health = judgeHealth({ nodes: [...nodes], former, sights: hub.sights(clusterKey), pods, before, now });
    const next: Watched = { health };
    if (health.nextAt !== undefined) next.timer = setTimeout(() => this.look(clusterKey), health.nextAt - now);
    this.#clusters.set(clusterKey, next);
    if (this.#tell(clusterKey, before, health)) onChanged(clusterKey);
  }

  stop(): void {
    this.#stopped = true;
    for (const { timer } of this.#clusters.values()) clearTimeout(timer);
    this.#clusters.clear();
  }

  #tell(cluster: string, before: ClusterHealth, after: ClusterHealth): boolean {
    const { log } = this.#options;
    let changed = before.majority !== after.majority;
    if (changed) log.info({ cluster, majority: after.majority }, 'nodes heard');
    for (const [node, { state, why }] of after.nodes) {
      const was = before.nodes.get(node)?.state ?? 'Unknown';
      if (was === state) continue;
      changed = true;
      if (state === 'Dead') log.warn({ cluster, node, was, state }, why);
      else log.info({ cluster, node, was, state }, why);
    }
    return changed || [...before.nodes.keys()].some((node) => !after.nodes.has(node));
  }
}
