import type { Shard } from '#crds/v1alpha1/index.ts';
import type { PlacementNode } from '../placement/types.ts';

/** "true": no copy of the shard moves by itself. */
export const PIN_ANNOTATION = 'annulus.dev/pin';
/** "from:to": a person wants the copy on one node to be on another, and to stay there. */
export const MIGRATE_ANNOTATION = 'annulus.dev/migrate';

/** Why a move by hand can't be done; shown in condition Pinned and in an event. */
export type ManualRefusal =
  'MalformedAnnotation' | 'SameNode' | 'UnknownNode' | 'NoCopyOnSource' | 'TargetHasCopy' | 'TargetTakesNoCopies';

/** What the annotation comes to. */
export type ManualMove =
  { kind: 'wanted' | 'done'; from: string; to: string } | { kind: 'refused'; reason: ManualRefusal; message: string };

/** Reads a shard's annotation annulus.dev/migrate; undefined when there is none. Pure. */
export function manualMove(shard: Shard, nodes: ReadonlyMap<string, PlacementNode>): ManualMove | undefined {
  const text = shard.metadata.annotations?.[MIGRATE_ANNOTATION];
  if (text === undefined) return undefined;
  const refuse = (reason: ManualRefusal, message: string): ManualMove => ({
    kind: 'refused',
    reason,
    message: `annotation ${MIGRATE_ANNOTATION}: ${message}`,
  });
  const [from, to, ...rest] = text.split(':').map((part) => part.trim());
  if (!from || !to || rest.length > 0)
    return refuse('MalformedAnnotation', `"${text}" is not "from:to", two node names`);
  if (from === to) return refuse('SameNode', `${from} is both source and target`);
  const target = nodes.get(to);
  const has = (node: string): boolean => shard.status?.copies?.some((copy) => copy.node === node) ?? false;
  if (!has(from) && has(to)) return { kind: 'done', from, to };
  const moving = shard.status?.migration;
  const isRunning = moving?.phase !== 'Complete' && moving?.phase !== 'Failed';
  if (isRunning && moving?.from === from && moving.to === to) return { kind: 'wanted', from, to };
  if (target === undefined) return refuse('UnknownNode', `${to} is no node of the cluster`);
  if (!has(from)) return refuse('NoCopyOnSource', `there is no copy on ${from}`);
  if (has(to)) return refuse('TargetHasCopy', `there is a copy on ${to} already`);
  if (target.dead || target.draining || (target.cordoned && !target.away))
    return refuse(
      'TargetTakesNoCopies',
      `${to} takes no new copies: it is ${target.dead ? 'dead' : target.draining ? 'being drained' : 'cordoned'}`,
    );
  return { kind: 'wanted', from, to };
}
