import type { KubeObject } from '../api-types.ts';
import { asArray, asObject, asString } from '../json.ts';
import type { JsonObject } from '../json.ts';
import { ageCell } from './age.ts';
import type { Column } from './table.ts';

const statuses = (pod: KubeObject): JsonObject[] => asArray(asObject(pod.status)['containerStatuses']).map(asObject);

/** The word in the Status column: the most telling of phase, reasons and deletion. */
function podStatus(pod: KubeObject): string {
  const status = asObject(pod.status);
  let word = asString(status['reason']) || asString(status['phase']);
  let isRunning = false;
  for (const container of statuses(pod).toReversed()) {
    const { waiting, terminated, running } = asObject(container['state']);
    const waitingFor = asString(asObject(waiting)['reason']);
    const ended = asObject(terminated);
    if (waitingFor !== '') word = waitingFor;
    else if (terminated !== undefined) {
      const signal = Number(ended['signal'] ?? 0);
      word =
        asString(ended['reason']) || (signal === 0 ? `ExitCode:${String(ended['exitCode'] ?? 0)}` : `Signal:${signal}`);
    } else if (container['ready'] === true && running !== undefined) isRunning = true;
  }
  if (word === 'Completed' && isRunning) word = isReady(pod) ? 'Running' : 'NotReady';
  return pod.metadata.deletionTimestamp === undefined ? word : 'Terminating';
}

const isReady = (pod: KubeObject): boolean =>
  asArray(asObject(pod.status)['conditions'])
    .map(asObject)
    .some((c) => c['type'] === 'Ready' && c['status'] === 'True');

function restarts(pod: KubeObject, now: number): string {
  let count = 0;
  let last = '';
  for (const container of statuses(pod)) {
    count += Number(container['restartCount'] ?? 0);
    const ended = asString(asObject(asObject(container['lastState'])['terminated'])['finishedAt']);
    if (ended > last) last = ended;
  }
  return count > 0 && last !== '' ? `${count} (${ageCell(last, now)} ago)` : String(count);
}

const WIDE = 1;
const orNone = (text: string): string => text || '<none>';

export const podColumns = (): readonly Column[] => [
  {
    name: 'Ready',
    cell: (pod) =>
      `${statuses(pod).filter((c) => c['ready'] === true).length}/${asArray(asObject(pod.spec)['containers']).length}`,
  },
  { name: 'Status', cell: podStatus },
  { name: 'Restarts', cell: restarts },
  { name: 'Age', cell: (pod, now) => ageCell(pod.metadata.creationTimestamp, now) },
  { name: 'IP', priority: WIDE, cell: (pod) => orNone(asString(asObject(pod.status)['podIP'])) },
  { name: 'Node', priority: WIDE, cell: (pod) => orNone(asString(asObject(pod.spec)['nodeName'])) },
  {
    name: 'Nominated Node',
    priority: WIDE,
    cell: (pod) => orNone(asString(asObject(pod.status)['nominatedNodeName'])),
  },
  { name: 'Readiness Gates', priority: WIDE, cell: () => '<none>' },
];
