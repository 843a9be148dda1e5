import type { Json, JsonObject } from '../json.ts';
import { widget } from './widget.ts';

/** One write on the widget `f`; the same seed gives the same operations. */
export interface Operation {
  readonly what: string;
  readonly subresource: '' | '/status';
  readonly query: string;
  readonly contentType: string;
  readonly body: JsonObject;
}

export const APPLY = 'application/apply-patch+yaml';
const MERGE = 'application/merge-patch+json';
const MODULUS = 0x7fffffff;

/** Whole numbers below a bound, from a seed: a linear congruential generator is random enough here. */
function dice(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & MODULUS;
    return Math.floor((state / MODULUS) * below);
  };
}

class Generator {
  private readonly roll: (below: number) => number;
  constructor(seed: number) {
    this.roll = dice(seed);
  }

  operation(isFirst: boolean): Operation {
    const kind = isFirst ? 0 : this.roll(10);
    const manager = `m${this.roll(3)}`;
    const query = `?fieldManager=${manager}${kind < 9 && this.roll(2) === 0 ? '&force=true' : ''}`;
    if (kind < 5)
      return {
        what: `apply by ${manager}`,
        subresource: '',
        query,
        contentType: APPLY,
        body: { ...widget('f', this.spec()), metadata: this.metadata() },
      };
    if (kind < 7)
      return {
        what: `merge patch by ${manager}`,
        subresource: '',
        query: `?fieldManager=${manager}`,
        contentType: MERGE,
        body: { spec: this.spec() },
      };
    const { spec: _, ...bare } = widget('f', {});
    if (kind < 9)
      return {
        what: `apply of status by ${manager}`,
        subresource: '/status',
        query,
        contentType: APPLY,
        body: { ...bare, status: this.status() },
      };
    return {
      what: `merge patch of status by ${manager}`,
      subresource: '/status',
      query: `?fieldManager=${manager}`,
      contentType: MERGE,
      body: { status: this.status() },
    };
  }

  private once(in_: number): boolean {
    return this.roll(in_) === 0;
  }
  private some<T>(list: readonly T[]): T[] {
    return list.filter(() => this.once(2));
  }

  private spec(): JsonObject {
    const spec: Record<string, Json> = {};
    const tags = this.some(['a', 'b', 'c']);
    if (this.once(2)) spec['map'] = Object.fromEntries(this.some(['a', 'b']).map((key) => [key, 1 + this.roll(2)]));
    if (this.once(2))
      spec['items'] = this.some(['x', 'y', 'z']).map((name) =>
        this.once(2) ? { name } : { name, value: `v${this.roll(2)}` },
      );
    if (tags.length > 0 && this.once(2)) spec['tags'] = tags;
    if (this.once(2)) spec['nest'] = this.once(2) ? { a: `n${this.roll(2)}` } : { b: this.once(2) };
    if (this.once(3)) spec['any'] = this.once(2) ? { deep: { er: this.roll(3) }, list: [this.roll(2)] } : {};
    if (this.once(3)) spec['mode'] = 'A';
    if (this.once(4)) spec['nul'] = this.once(2) ? null : 'x';
    if (this.once(4)) spec['replicas'] = this.roll(3);
    return spec;
  }

  private metadata(): JsonObject {
    return {
      name: 'f',
      ...(this.once(3)
        ? { labels: Object.fromEntries(this.some(['l1', 'l2']).map((key) => [key, `v${this.roll(2)}`])) }
        : {}),
      ...(this.once(4) ? { annotations: { note: `a${this.roll(2)}` } } : {}),
    };
  }

  private status(): JsonObject {
    return {
      ...(this.once(2) ? { phase: `p${this.roll(2)}` } : {}),
      ...(this.once(2)
        ? { conditions: this.some(['A', 'B']).map((type) => ({ type, status: this.once(2) ? 'True' : 'False' })) }
        : {}),
    };
  }
}

/** Writes of three managers that share, take and give up fields. The first one creates. */
export function randomOperations(seed: number, count: number): Operation[] {
  const generator = new Generator(seed);
  return Array.from({ length: count }, (_, i) => generator.operation(i === 0));
}
