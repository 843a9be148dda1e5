import type { JsonObject } from '../json.ts';
import { isObject } from '../json.ts';

/**
 * A set of field paths as a tree, the meaning of metav1.FieldsV1. Path elements keep their wire form:
 * `f:name` a member, `k:{"name":"x"}` a list item by key, `v:"x"` a set item, `i:0` an index.
 */
export class FieldSet {
  readonly members: Set<string>;
  readonly children: Map<string, FieldSet>;

  constructor(members: Iterable<string> = [], children: Iterable<[string, FieldSet]> = []) {
    this.members = new Set(members);
    this.children = new Map(children);
  }

  static ofPaths(...paths: (readonly string[])[]): FieldSet {
    const set = new FieldSet();
    for (const path of paths) set.insert(path);
    return set;
  }

  static fromFieldsV1(fields: JsonObject): FieldSet {
    const set = new FieldSet();
    for (const [element, below] of Object.entries(fields)) {
      if (element === '.' || !isObject(below)) continue;
      if (below['.'] !== undefined || Object.keys(below).length === 0) set.members.add(element);
      const child = FieldSet.fromFieldsV1(below);
      if (!child.isEmpty()) set.children.set(element, child);
    }
    return set;
  }

  toFieldsV1(): JsonObject {
    const out: JsonObject = {};
    for (const element of [...new Set([...this.members, ...this.children.keys()])].sort(compareElements)) {
      const below = this.children.get(element)?.toFieldsV1() ?? {};
      out[element] = this.members.has(element) && Object.keys(below).length > 0 ? { '.': {}, ...below } : below;
    }
    return out;
  }

  /** Adds a path; its parents are not added. */
  insert(path: readonly string[]): void {
    const [first, ...rest] = path;
    if (first === undefined) return;
    if (rest.length === 0) {
      this.members.add(first);
      return;
    }
    let child = this.children.get(first);
    if (child === undefined) {
      child = new FieldSet();
      this.children.set(first, child);
    }
    child.insert(rest);
  }

  has(path: readonly string[]): boolean {
    const [first, ...rest] = path;
    if (first === undefined) return false;
    return rest.length === 0 ? this.members.has(first) : (this.children.get(first)?.has(rest) ?? false);
  }

  isEmpty(): boolean {
    return this.members.size === 0 && [...this.children.values()].every((child) => child.isEmpty());
  }

  union(other: FieldSet): FieldSet {
    const children = new Map(this.children);
    for (const [element, child] of other.children) {
      const mine = children.get(element);
      children.set(element, mine === undefined ? child : mine.union(child));
    }
    return new FieldSet(this.members.union(other.members), children);
  }

  intersection(other: FieldSet): FieldSet {
    return this.mapChildren(this.members.intersection(other.members), (element, child) => {
      const theirs = other.children.get(element);
      return theirs === undefined ? undefined : child.intersection(theirs);
    });
  }

  /** Paths of this set that are not themselves in `other`; children of removed paths stay. */
  difference(other: FieldSet): FieldSet {
    return this.mapChildren(this.members.difference(other.members), (element, child) => {
      const theirs = other.children.get(element);
      return theirs === undefined ? child : child.difference(theirs);
    });
  }

  /** Like difference, but a path in `other` takes everything below it along. */
  recursiveDifference(other: FieldSet): FieldSet {
    return this.mapChildren(this.members.difference(other.members), (element, child) => {
      if (other.members.has(element)) return undefined;
      const theirs = other.children.get(element);
      return theirs === undefined ? child : child.recursiveDifference(theirs);
    });
  }

  /** Only what lies at or below the given top-level elements. */
  keepOnly(elements: ReadonlySet<string>): FieldSet {
    return new FieldSet(
      this.members.intersection(elements),
      [...this.children].filter(([element]) => elements.has(element)),
    );
  }

  /** Every path: a level's own members first, in order, then what is below. */
  *paths(prefix: readonly string[] = []): Generator<string[]> {
    for (const element of [...this.members].sort(compareElements)) yield [...prefix, element];
    for (const element of [...this.children.keys()].sort(compareElements)) {
      yield* this.children.get(element)?.paths([...prefix, element]) ?? [];
    }
  }

  private mapChildren(
    members: Set<string>,
    keep: (element: string, child: FieldSet) => FieldSet | undefined,
  ): FieldSet {
    const children = new Map<string, FieldSet>();
    for (const [element, child] of this.children) {
      const kept = keep(element, child);
      if (kept !== undefined && !kept.isEmpty()) children.set(element, kept);
    }
    return new FieldSet(members, children);
  }
}

const RANK: Readonly<Record<string, number>> = { f: 0, k: 1, v: 2, i: 3 };

function compareElements(a: string, b: string): number {
  const rank = (RANK[a[0] ?? ''] ?? 4) - (RANK[b[0] ?? ''] ?? 4);
  if (rank !== 0) return rank;
  if (a.startsWith('i:')) return Number(a.slice(2)) - Number(b.slice(2));
  return a < b ? -1 : Number(a > b);
}

/** A path as conflicts print it: `.spec.ports[port=80,protocol="TCP"].name`. */
export function printPath(path: readonly string[]): string {
  return path
    .map((element) => {
      const text = element.slice(2);
      if (element.startsWith('f:')) return `.${text}`;
      if (element.startsWith('i:')) return `[${text}]`;
      if (element.startsWith('v:')) return `[=${text}]`;
      const keys = Object.entries(JSON.parse(text) as JsonObject);
      return `[${keys.map(([key, value]) => `${key}=${JSON.stringify(value)}`).join(',')}]`;
    })
    .join('');
}
