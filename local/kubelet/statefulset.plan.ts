import type { KubeObject, KubeObjectInput } from '../kube-api/api-types.ts';
import { asArray, asNumber, asObject, asString } from '../kube-api/json.ts';
import type { JsonObject } from '../kube-api/json.ts';
import { controllerOf } from './resources.ts';

/** Label with the revision of the template that a pod was made from. */
export const REVISION_LABEL = 'controller-revision-hash';

export interface StatefulSetInput {
  readonly set: KubeObject;
  /** Pods of the namespace; the plan picks those that the set controls. */
  readonly pods: readonly KubeObject[];
  /** Claims of the namespace. */
  readonly claims: readonly KubeObject[];
  /** `<set>-<hash of the template>`. */
  readonly revision: string;
}

/** One write. Deleting a pod is asking it to stop; the kubelet removes the object. */
export type StatefulSetAction =
  | { readonly type: 'createClaim'; readonly claim: KubeObjectInput }
  | { readonly type: 'deleteClaim'; readonly name: string; readonly reason: string }
  | { readonly type: 'createPod'; readonly pod: KubeObjectInput }
  | { readonly type: 'deletePod'; readonly name: string; readonly uid: string; readonly reason: string };

export interface StatefulSetPlan {
  readonly actions: readonly StatefulSetAction[];
  readonly status: JsonObject;
}

interface View {
  readonly input: StatefulSetInput;
  readonly replicas: number;
  readonly start: number;
  readonly parallel: boolean;
  readonly pods: ReadonlyMap<number, KubeObject>;
  /** Pods of other owners, or of an earlier set of this name, that stand in the way. */
  readonly taken: ReadonlySet<string>;
}

/** What a StatefulSet's controller does now, and the status that is true now. */
export function planStatefulSet(input: StatefulSetInput): StatefulSetPlan {
  const view = viewOf(input);
  const deleting = input.set.metadata.deletionTimestamp !== undefined;
  const actions = deleting ? [] : [...planScaleUp(view), ...planScaleDown(view), ...planRollingUpdate(view)];
  return { actions, status: statusOf(view) };
}

/** The ordinal at the end of a pod's name when it is one of the set's. */
export function ordinalOf(set: string, pod: string): number | undefined {
  if (!pod.startsWith(`${set}-`)) return undefined;
  const tail = pod.slice(set.length + 1);
  return /^(0|[1-9]\d{0,6})$/.test(tail) ? Number(tail) : undefined;
}

export function isReady(pod: KubeObject): boolean {
  return asArray(pod.status?.['conditions'])
    .map(asObject)
    .some((condition) => condition['type'] === 'Ready' && condition['status'] === 'True');
}

function viewOf(input: StatefulSetInput): View {
  const spec = input.set.spec ?? {};
  const pods = new Map<number, KubeObject>();
  const taken = new Set<string>();
  for (const pod of input.pods) {
    const ordinal = ordinalOf(input.set.metadata.name, pod.metadata.name);
    if (ordinal === undefined) continue;
    if (controllerOf(pod)?.uid === input.set.metadata.uid) pods.set(ordinal, pod);
    else taken.add(pod.metadata.name);
  }
  return {
    input,
    replicas: asNumber(spec['replicas']) ?? 1,
    start: asNumber(asObject(spec['ordinals'])['start']) ?? 0,
    parallel: spec['podManagementPolicy'] === 'Parallel',
    pods,
    taken,
  };
}

const wanted = (view: View): number[] => Array.from({ length: view.replicas }, (_, index) => view.start + index);

/** Missing pods, lowest ordinal first; OrderedReady waits for each before the next. */
function planScaleUp(view: View): StatefulSetAction[] {
  const actions: StatefulSetAction[] = [];
  for (const ordinal of wanted(view)) {
    const pod = view.pods.get(ordinal);
    const name = `${view.input.set.metadata.name}-${ordinal}`;
    if (pod === undefined && !view.taken.has(name)) actions.push(...planPod(view, ordinal));
    if (!view.parallel && !(pod !== undefined && isReady(pod) && pod.metadata.deletionTimestamp === undefined)) break;
  }
  return actions;
}

function planPod(view: View, ordinal: number): StatefulSetAction[] {
  const { set, claims } = view.input;
  const present = new Map(claims.map((claim) => [claim.metadata.name, claim]));
  const templates = claimTemplates(set);
  const actions: StatefulSetAction[] = [];
  for (const template of templates) {
    const name = claimName(template, set.metadata.name, ordinal);
    const claim = present.get(name);
    // A claim on its way out belongs to the past: the pod waits until it is gone.
    if (claim?.metadata.deletionTimestamp !== undefined) return [];
    if (claim === undefined) actions.push({ type: 'createClaim', claim: buildClaim(set, template, name) });
  }
  return [...actions, { type: 'createPod', pod: buildPod(view.input, ordinal, templates) }];
}

/** Pods above the wanted ordinals, highest first; one at a time unless Parallel. Their claims follow by policy. */
function planScaleDown(view: View): StatefulSetAction[] {
  const { set, claims } = view.input;
  const want = new Set(wanted(view));
  const condemned = [...view.pods.keys()].filter((ordinal) => !want.has(ordinal)).sort((a, b) => b - a);
  const actions: StatefulSetAction[] = [];
  for (const ordinal of view.parallel ? condemned : condemned.slice(0, 1)) {
    const pod = view.pods.get(ordinal);
    if (pod !== undefined && pod.metadata.deletionTimestamp === undefined) actions.push(deletePod(pod, 'scaled down'));
  }
  if (retention(set, 'whenScaled') !== 'Delete') return actions;
  for (const claim of claims) {
    const ordinal = claimOrdinal(set, claim.metadata.name);
    const unwanted = ordinal !== undefined && !want.has(ordinal) && !view.pods.has(ordinal);
    if (unwanted && claim.metadata.deletionTimestamp === undefined) {
      actions.push({ type: 'deleteClaim', name: claim.metadata.name, reason: 'whenScaled is Delete' });
    }
  }
  return actions;
}

/** RollingUpdate: the highest outdated pod, one at a time, while all others are ready. OnDelete: never. */
function planRollingUpdate(view: View): StatefulSetAction[] {
  const strategy = asObject(view.input.set.spec?.['updateStrategy']);
  if (strategy['type'] === 'OnDelete') return [];
  const partition = asNumber(asObject(strategy['rollingUpdate'])['partition']) ?? 0;
  const ordinals = wanted(view).reverse();
  for (const ordinal of ordinals.filter((each) => each >= partition)) {
    const pod = view.pods.get(ordinal);
    if (pod === undefined || pod.metadata.deletionTimestamp !== undefined) return [];
    if (revisionOf(pod) !== view.input.revision) return [deletePod(pod, 'template changed')];
    if (!isReady(pod)) return [];
  }
  return [];
}

const deletePod = (pod: KubeObject, reason: string): StatefulSetAction => ({
  type: 'deletePod',
  name: pod.metadata.name,
  uid: pod.metadata.uid,
  reason,
});

const revisionOf = (pod: KubeObject): string => pod.metadata.labels?.[REVISION_LABEL] ?? '';
const claimTemplates = (set: KubeObject): JsonObject[] => asArray(set.spec?.['volumeClaimTemplates']).map(asObject);
const templateName = (template: JsonObject): string => asString(asObject(template['metadata'])['name']);
const claimName = (template: JsonObject, set: string, ordinal: number): string =>
  `${templateName(template)}-${set}-${ordinal}`;

function claimOrdinal(set: KubeObject, claim: string): number | undefined {
  for (const template of claimTemplates(set)) {
    const prefix = `${templateName(template)}-`;
    const ordinal = claim.startsWith(prefix) ? ordinalOf(set.metadata.name, claim.slice(prefix.length)) : undefined;
    if (ordinal !== undefined) return ordinal;
  }
  return undefined;
}

function retention(set: KubeObject, when: 'whenDeleted' | 'whenScaled'): string {
  return asString(asObject(set.spec?.['persistentVolumeClaimRetentionPolicy'])[when]) || 'Retain';
}

function buildClaim(set: KubeObject, template: JsonObject, name: string): KubeObjectInput {
  const metadata = asObject(template['metadata']);
  const selector = asObject(asObject(set.spec?.['selector'])['matchLabels']);
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: {
      name,
      namespace: set.metadata.namespace ?? '',
      labels: { ...texts(metadata['labels']), ...texts(selector) },
      annotations: texts(metadata['annotations']),
      // Deleting the set then takes the claim along (owner collection by the API server).
      ...(retention(set, 'whenDeleted') === 'Delete' ? { ownerReferences: [owner(set, false)] } : {}),
    },
    spec: asObject(template['spec']),
  };
}

const texts = (value: unknown): Record<string, string> =>
  Object.fromEntries(Object.entries(asObject(value)).map(([key, item]) => [key, asString(item)]));

const owner = (set: KubeObject, controller: boolean) => ({
  apiVersion: set.apiVersion,
  kind: set.kind,
  name: set.metadata.name,
  uid: set.metadata.uid,
  ...(controller ? { controller: true, blockOwnerDeletion: true } : {}),
});

function buildPod(input: StatefulSetInput, ordinal: number, templates: readonly JsonObject[]): KubeObjectInput {
  const { set, revision } = input;
  const template = asObject(set.spec?.['template']);
  const metadata = asObject(template['metadata']);
  const spec = asObject(template['spec']);
  const name = `${set.metadata.name}-${ordinal}`;
  const claimed = new Set(templates.map(templateName));
  const volumes = asArray(spec['volumes']).filter((volume) => !claimed.has(asString(asObject(volume)['name'])));
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      namespace: set.metadata.namespace ?? '',
      labels: {
        ...texts(metadata['labels']),
        [REVISION_LABEL]: revision,
        'statefulset.kubernetes.io/pod-name': name,
        'apps.kubernetes.io/pod-index': String(ordinal),
      },
      annotations: texts(metadata['annotations']),
      ownerReferences: [owner(set, true)],
    },
    spec: {
      ...spec,
      hostname: name,
      subdomain: asString(set.spec?.['serviceName']),
      volumes: [
        ...templates.map((each) => ({
          name: templateName(each),
          persistentVolumeClaim: { claimName: claimName(each, set.metadata.name, ordinal) },
        })),
        ...volumes,
      ],
    },
  };
}

function statusOf(view: View): JsonObject {
  const { set, revision } = view.input;
  const before = set.status ?? {};
  const pods = [...view.pods.values()].filter((pod) => pod.metadata.deletionTimestamp === undefined);
  const ready = pods.filter(isReady).length;
  const updated = pods.filter((pod) => revisionOf(pod) === revision).length;
  const done = updated === view.replicas && ready === view.replicas && pods.length === view.replicas;
  const currentRevision = done ? revision : asString(before['currentRevision']) || revision;
  return {
    observedGeneration: set.metadata.generation ?? 1,
    replicas: view.pods.size,
    readyReplicas: ready,
    availableReplicas: ready,
    currentReplicas: pods.filter((pod) => revisionOf(pod) === currentRevision).length,
    updatedReplicas: updated,
    currentRevision,
    updateRevision: revision,
    collisionCount: 0,
  };
}
