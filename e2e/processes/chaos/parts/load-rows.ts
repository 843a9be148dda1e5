import { quantile } from '../findings.ts';
import type { FinalCheck } from '../final-check.ts';
import { none, type Row, tell, times } from '../report.ts';
import type { Stage } from '../stage.ts';

/** What the load saw. */
export function loadRows(stage: Stage, check: FinalCheck): Row[] {
  const { counts } = stage.findings;
  const { writers, readers, strict } = stage;
  const part = (failed: number, ok: number): string => `${failed} of ${ok + failed}`;
  return [
    none('acknowledged writes lost', counts.lost),
    none('wrong answers', counts.wrong),
    none('duplicates', counts.duplicate),
    none('right requests that were refused', counts.refused),
    none(
      'shards whose copies differ at the end',
      check.unequal.length,
      `(${check.copies} copies, ${check.points} points)`,
    ),
    tell('stale answers of reads with consistency one', String(counts.stale)),
    tell('late effects of writes that got no answer', String(counts.late)),
    tell(`writes without acknowledgement`, part(writers.tally.failed, writers.tally.ok)),
    tell(`reads without an answer (strict reads: consistency=${strict})`, part(readers.tally.failed, readers.tally.ok)),
    times('acknowledged writes took', writers.tally.seconds),
    tell('  p99', `${(quantile(writers.tally.seconds, 0.99) * 1000).toFixed(0)} ms`),
  ];
}

/** Each call: the failed requests since the call before, and what they said. */
export function requestFailures(stage: Stage): () => { count: number; text: string } {
  const tallies = [stage.writers.tally, stage.readers.tally];
  let counted = 0;
  let known = new Map<string, number>();
  return () => {
    const failed = tallies.reduce((sum, tally) => sum + tally.failed, 0);
    const reasons = new Map(tallies.flatMap((tally) => [...tally.reasons]));
    const text = [...reasons].filter(([reason, count]) => known.get(reason) !== count).map(([reason]) => reason);
    const count = failed - counted;
    counted = failed;
    known = reasons;
    return { count, text: text.length === 0 ? '' : `(${text.join('; ')})` };
  };
}
