import type { ShardFeed } from '#crds/v1alpha1/index.ts';
import type { CopyReport } from '#proto/control-messages.ts';

const ORDER = ['copying', 'syncing', 'verifying', 'ready'];
const PHASES = ['Copying', 'Syncing', 'Verifying', 'Ready'] as const;

/** How far a new shard is filled, by its primary's report; the last word while that is not heard. Undefined for a shard that is not filled. */
export function shardFeed(report: CopyReport | undefined, before: ShardFeed | undefined): ShardFeed | undefined {
  if (report === undefined) return before;
  const { feeds } = report;
  if (feeds.length === 0) return undefined;
  const slowest = Math.min(...feeds.map((feed) => Math.max(0, ORDER.indexOf(feed.phase))));
  const late = feeds.find((feed) => feed.failure !== '');
  return {
    phase: PHASES[slowest]!,
    copiedPoints: feeds.reduce((sum, feed) => sum + feed.copiedPoints, 0),
    totalPoints: feeds.reduce((sum, feed) => sum + feed.totalPoints, 0),
    ...(late === undefined ? {} : { message: `from ${late.source}: ${late.failure}`.slice(0, 1_024) }),
  };
}

/** Progress for the printed columns. */
export function feedText({ copiedPoints = 0, totalPoints = 0, phase }: ShardFeed): { progress?: string } {
  if (phase !== 'Copying') return { progress: '100%' };
  return totalPoints === 0 ? {} : { progress: `${Math.floor((100 * copiedPoints) / totalPoints)}%` };
}
