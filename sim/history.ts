import { pointIdText } from '#model/point-id.ts';
import type { LogOperation } from '#node-agent/shard/operations.ts';

/** Where a write was put in order: table version in which its shard is in force, then term, then seqNo. */
export interface Order {
  epoch: number;
  term: number;
  seqNo: number;
}

export function laterThan(a: Order, b: Order): boolean {
  if (a.epoch !== b.epoch) return a.epoch > b.epoch;
  return a.term !== b.term ? a.term > b.term : a.seqNo > b.seqNo;
}

/** A write as a primary appended it. `version` null: a deletion. */
export interface Appended {
  id: number;
  version: number | null;
  shard: string;
  node: string;
  order: Order;
}

interface PointHistory {
  appended: Appended[];
  /** The latest in order of those that were acknowledged. */
  acknowledged: Appended | null;
}

/** What happened to every point: the model that copies and answers are compared with. */
export class History {
  #points = new Map<number, PointHistory>();
  #byVersion = new Map<number, Appended>();
  /** Who acknowledged in which term of which shard. */
  #primaries = new Map<string, string>();
  acknowledgements = 0;

  get ids(): number[] {
    return [...this.#points.keys()];
  }

  acknowledgedOf(id: number): Appended | null {
    return this.#points.get(id)?.acknowledged ?? null;
  }

  /** A primary wrote an operation into its log. What new shards copy from old ones is not new. */
  appended(node: string, shard: string, epoch: number, term: number, seqNo: number, operation: LogOperation): void {
    const order = { epoch, term, seqNo };
    if (operation.type === 'upsert') {
      for (const { id, payload } of operation.points) {
        const version = versionOf(payload);
        if (version === null || this.#byVersion.has(version)) continue;
        const entry = { id: Number(pointIdText(id)), version, shard, node, order };
        this.#byVersion.set(version, entry);
        this.#point(entry.id).appended.push(entry);
      }
    } else if (operation.type === 'delete') {
      for (const id of operation.ids) {
        const entry = { id: Number(pointIdText(id)), version: null, shard, node, order };
        this.#point(entry.id).appended.push(entry);
      }
    }
  }

  /** A client was told that its write is safe. Returns what was acknowledged; a sentence when that is wrong. */
  acknowledge(id: number, version: number | null, seqNo: number): Appended | string {
    const point = this.#point(id);
    const entry =
      version === null
        ? point.appended.findLast((candidate) => candidate.version === null && candidate.order.seqNo === seqNo)
        : this.#byVersion.get(version);
    if (entry === undefined) return `a write of ${id} was acknowledged that no primary appended`;
    const key = `${entry.shard}/${entry.order.term}`;
    const other = this.#primaries.get(key);
    if (other !== undefined && other !== entry.node) {
      return `${other} and ${entry.node} both acknowledged in term ${entry.order.term} of ${entry.shard}`;
    }
    this.#primaries.set(key, entry.node);
    this.acknowledgements++;
    if (point.acknowledged === null || laterThan(entry.order, point.acknowledged.order)) point.acknowledged = entry;
    return entry;
  }

  /** Whether content (a version; null = no such point) may be what a point is, at least as new as `floor`. A sentence when not. */
  judge(id: number, content: number | null, floor: Appended | null): string | null {
    if (floor === null)
      return content === null || this.#byVersion.get(content)?.id === id ? null : `unknown version ${content}`;
    if (content === floor.version) return null;
    const point = this.#point(id);
    const allowed = point.appended.some((entry) => entry.version === content && laterThan(entry.order, floor.order));
    if (allowed) return null;
    return `point ${id} is ${text(content)}, but ${text(floor.version)} was acknowledged at ${orderText(floor)}`;
  }

  #point(id: number): PointHistory {
    const known = this.#points.get(id);
    if (known !== undefined) return known;
    const made: PointHistory = { appended: [], acknowledged: null };
    this.#points.set(id, made);
    return made;
  }
}

/** Payloads are `{"v":<version>}`. */
export function versionOf(payload: string | null): number | null {
  return payload === null ? null : (JSON.parse(payload) as { v: number }).v;
}

export function payloadOf(version: number): string {
  return JSON.stringify({ v: version });
}

function text(version: number | null): string {
  return version === null ? 'absent' : `version ${version}`;
}

export function orderText({ shard, node, order }: Appended): string {
  return `seqNo ${order.seqNo} of term ${order.term} of ${shard} (by ${node})`;
}
