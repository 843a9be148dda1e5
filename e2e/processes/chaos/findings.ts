/**
 * lost: an acknowledged write is not there at the end. wrong: an answer that no order of the writes explains. duplicate: a point twice in one
 * answer. stale: an earlier state, by a read that may lag. late: see history.ts. refused: a request that is right was called wrong.
 */
export type Kind = 'lost' | 'wrong' | 'duplicate' | 'stale' | 'late' | 'refused';

const MAX_KEPT = 20;

export interface Finding {
  readonly kind: Kind;
  readonly text: string;
  readonly time: string;
}

/** What the checks found; counts all, keeps the first of each kind. */
export class Findings {
  readonly counts: Record<Kind, number> = { lost: 0, wrong: 0, duplicate: 0, stale: 0, late: 0, refused: 0 };
  readonly first: Finding[] = [];

  add(kind: Kind, text: string): void {
    this.counts[kind]++;
    if (this.counts[kind] <= MAX_KEPT) this.first.push({ kind, text, time: new Date().toISOString() });
  }
}

/** Requests by outcome. */
export class Tally {
  ok = 0;
  failed = 0;
  /** What the failed ones said, without what differs from one to the next. */
  readonly reasons: Map<string, number> = new Map();
  /** Seconds that each took that was answered well. */
  readonly seconds: number[] = [];

  done(seconds: number): void {
    this.ok++;
    this.seconds.push(seconds);
  }

  fail(reason: string): void {
    this.failed++;
    const short = reason.replaceAll(/\d+/g, '#').slice(0, 160);
    this.reasons.set(short, (this.reasons.get(short) ?? 0) + 1);
  }
}

/** The value below which that part of the values is; NaN of none. */
export function quantile(values: readonly number[], part: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? NaN;
}
