import type { KubeObject } from '../api-types.ts';

/** Pairs of (core v1, events.k8s.io/v1) member names that mean the same. */
const RENAMED: readonly (readonly [string, string])[] = [
  ['message', 'note'],
  ['involvedObject', 'regarding'],
  ['source', 'deprecatedSource'],
  ['firstTimestamp', 'deprecatedFirstTimestamp'],
  ['lastTimestamp', 'deprecatedLastTimestamp'],
  ['count', 'deprecatedCount'],
  ['reportingComponent', 'reportingController'],
];

function renamed(object: KubeObject, apiVersion: string, pairs: readonly (readonly [string, string])[]): KubeObject {
  const names = new Map(pairs);
  const out: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(object)) out[names.get(key) ?? key] = value;
  return { ...out, apiVersion, kind: 'Event', metadata: object.metadata };
}

/** The stored (core v1) event as events.k8s.io/v1 shows it. */
export const eventFromCore = (object: KubeObject): KubeObject => renamed(object, 'events.k8s.io/v1', RENAMED);

/** An events.k8s.io/v1 event in its stored form. */
export const eventToCore = (object: KubeObject): KubeObject =>
  renamed(
    object,
    'v1',
    RENAMED.map(([core, events]) => [events, core] as const),
  );
