import type { Json } from '#local/kube-api/json.ts';
import { quantile } from './findings.ts';

/** One line of the table. */
export interface Row {
  readonly what: string;
  readonly measured: string;
  /** What the project promises; '' where it only tells. */
  readonly promise: string;
  /** False: the promise is broken. */
  readonly kept: boolean;
}

export interface PartResult {
  readonly part: string;
  readonly rows: readonly Row[];
  /** For the file of results. */
  readonly data: Json;
}

export const tell = (what: string, measured: string): Row => ({ what, measured, promise: '', kept: true });

/** A count that must be 0. */
export const none = (what: string, count: number, more = ''): Row => ({
  what,
  measured: `${count}${more === '' ? '' : ` ${more}`}`,
  promise: '0',
  kept: count === 0,
});

/** Seconds whose maximum must stay below a limit; without a limit it only tells. */
export function times(what: string, seconds: readonly number[], limit?: number): Row {
  const promise = limit === undefined ? '' : `max < ${limit} s`;
  if (seconds.length === 0) return { what, measured: 'nothing measured', promise, kept: limit === undefined };
  const text = (value: number): string => (Number.isFinite(value) ? `${value.toFixed(2)} s` : 'never');
  const max = Math.max(...seconds);
  const measured = `p50 ${text(quantile(seconds, 0.5))}, max ${text(max)} (n=${seconds.length})`;
  return { what, measured, promise, kept: limit === undefined || max < limit };
}

/** A value with a limit that it must not exceed. */
export const atMost = (what: string, value: number, limit: number, unit = ''): Row => ({
  what,
  measured: `${Number(value.toFixed(2))}${unit}`,
  promise: `<= ${limit}${unit}`,
  kept: value <= limit,
});

export const must = (what: string, kept: boolean, measured: string, promise: string): Row => ({
  what,
  measured,
  promise,
  kept,
});

/** The table as text, broken promises marked. */
export function table(results: readonly PartResult[]): string {
  const rows = results.flatMap(({ part, rows: lines }) => [[part, '', '', ''], ...lines.map(cells)]);
  const widths = [0, 1, 2].map((column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows
    .map((row) => row.map((cell, column) => (column < 3 ? cell.padEnd(widths[column]!) : cell)).join('  '))
    .map((line) => line.trimEnd())
    .join('\n');
}

function cells({ what, measured, promise, kept }: Row): string[] {
  return [`  ${what}`, measured, promise, promise === '' ? '' : kept ? 'kept' : 'BROKEN'];
}
