import type { PodLogOptions } from '../kube-api/api-types.ts';

/** Stored lines (`<time> <stream> <text>`) as `kubectl logs` prints them, chosen by its options. */
export function selectLines(
  lines: readonly string[],
  options: Omit<PodLogOptions, 'tailLines' | 'follow' | 'previous'> & { readonly tailLines?: number | undefined },
  now: number,
): string {
  const { tailLines, sinceSeconds, timestamps, limitBytes } = options;
  let chosen = lines;
  if (sinceSeconds !== undefined) {
    const from = now - sinceSeconds * 1000;
    chosen = chosen.filter((line) => Date.parse(line.slice(0, line.indexOf(' '))) >= from);
  }
  if (tailLines !== undefined) chosen = tailLines === 0 ? [] : chosen.slice(-tailLines);
  const text = chosen.map((line) => `${shown(line, timestamps)}\n`).join('');
  return limitBytes === undefined ? text : Buffer.from(text).subarray(0, limitBytes).toString('utf8');
}

function shown(line: string, timestamps: boolean): string {
  const afterTime = line.indexOf(' ');
  const text = line.slice(line.indexOf(' ', afterTime + 1) + 1);
  return timestamps ? `${line.slice(0, afterTime)} ${text}` : text;
}
