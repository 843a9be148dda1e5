import { parseShard } from '#crds/validate.ts';
import type { Shard } from '#crds/v1alpha1/index.ts';
import type { KubeApi } from '#operator/kube/api.ts';
import { RESOURCES } from '#operator/kube/resources.ts';
import { watchAll } from './watch.ts';

/** A shard got another primary. */
export interface Promotion {
  readonly shard: string;
  readonly term: number;
  readonly primary: string;
  /** performance.now() when the API server said so. */
  readonly at: number;
}

/** The Shard objects as they are now, and each change of a primary. */
export class ShardWatch {
  readonly promotions: Promotion[] = [];
  private readonly byName = new Map<string, Shard>();

  /** Resolves after the first list; goes on until the signal. */
  async start(api: () => KubeApi, namespace: string, signal: AbortSignal): Promise<void> {
    await watchAll(api, RESOURCES.Shard, namespace, signal, {
      listed: (objects) => {
        const there = new Set(objects.map(({ metadata }) => metadata.name));
        for (const name of this.byName.keys()) if (!there.has(name)) this.byName.delete(name);
        for (const object of objects) this.take(object);
      },
      changed: (object) => this.take(object),
      deleted: ({ metadata }) => this.byName.delete(metadata.name),
    });
  }

  all(): Shard[] {
    return [...this.byName.values()];
  }

  get(name: string): Shard | undefined {
    return this.byName.get(name);
  }

  /** Names of the shards whose primary is on that node. */
  withPrimaryOn(node: string): string[] {
    return this.all()
      .filter((shard) => primaryOf(shard) === node)
      .map((shard) => shard.metadata.name);
  }

  /** Every shard has as many copies in sync as wanted, and no others. */
  get whole(): boolean {
    return this.all().every(
      ({ spec, status }) =>
        (status?.copies ?? []).length === spec.replicationFactor && status?.copies?.every((copy) => copy.inSync),
    );
  }

  private take(object: unknown): void {
    const parsed = parseShard(object);
    if (!parsed.ok) return;
    const shard = parsed.value;
    const { name } = shard.metadata;
    const before = this.byName.get(name)?.status?.primaryTerm ?? 0;
    const term = shard.status?.primaryTerm ?? 0;
    this.byName.set(name, shard);
    if (term > before)
      this.promotions.push({ shard: name, term, primary: primaryOf(shard) ?? '', at: performance.now() });
  }
}

/** Node of the shard's primary. */
export function primaryOf(shard: Shard): string | undefined {
  return shard.status?.copies?.find((copy) => copy.role === 'Primary')?.node;
}
