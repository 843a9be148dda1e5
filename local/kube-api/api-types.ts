import type { OwnerReference } from '#crds/v1alpha1/common.ts';
import type { Json, JsonObject } from './json.ts';

/**
 * What local/kubelet and the demo code against: the objects of the embedded API server and an in-process
 * accessor with the semantics of its REST interface (same validation, conflicts, watches and errors).
 */

/** Which resource: the plural name as in URLs. Core resources have group ''. */
export interface ResourceName {
  readonly group: string;
  readonly version: string;
  readonly resource: string;
}

export type { OwnerReference };

export interface ManagedFieldsEntry {
  manager: string;
  operation: 'Apply' | 'Update';
  apiVersion: string;
  time?: string;
  fieldsType: 'FieldsV1';
  fieldsV1: JsonObject;
  subresource?: string;
}

export interface ObjectMeta {
  name: string;
  namespace?: string;
  generateName?: string;
  uid: string;
  resourceVersion: string;
  generation?: number;
  creationTimestamp: string;
  deletionTimestamp?: string;
  deletionGracePeriodSeconds?: number;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  finalizers?: string[];
  ownerReferences?: OwnerReference[];
  managedFields?: ManagedFieldsEntry[];
}

/** A stored object. Parse `spec` and `status` at the point of use; they are JSON. */
export interface KubeObject {
  apiVersion: string;
  kind: string;
  metadata: ObjectMeta;
  spec?: JsonObject;
  status?: JsonObject;
  [member: string]: unknown;
}

/** An object on its way in: the server fills the rest of metadata. */
export interface KubeObjectInput {
  apiVersion: string;
  kind: string;
  metadata: Partial<ObjectMeta>;
  [member: string]: unknown;
}

export interface KubeList {
  apiVersion: string;
  kind: string;
  metadata: { resourceVersion: string; continue?: string; remainingItemCount?: number };
  items: KubeObject[];
}

export type WatchEvent =
  | { type: 'ADDED' | 'MODIFIED' | 'DELETED'; object: KubeObject }
  | { type: 'BOOKMARK'; object: KubeObject }
  | { type: 'ERROR'; object: KubeStatus };

export interface StatusCause {
  reason?: string;
  message?: string;
  field?: string;
}

export interface KubeStatus {
  kind: 'Status';
  apiVersion: 'v1';
  metadata: JsonObject;
  status: 'Success' | 'Failure';
  message?: string;
  reason?: string;
  details?: {
    name?: string;
    group?: string;
    kind?: string;
    uid?: string;
    causes?: StatusCause[];
    retryAfterSeconds?: number;
  };
  code?: number;
}

/** Thrown (or rejected with) by every operation that the API server refuses. */
export class ApiError extends Error {
  readonly status: KubeStatus;
  constructor(status: KubeStatus) {
    super(status.message ?? status.reason ?? 'API error');
    this.name = 'ApiError';
    this.status = status;
  }
  get code(): number {
    return this.status.code ?? 500;
  }
  get reason(): string {
    return this.status.reason ?? '';
  }
}

export interface ListQuery {
  readonly namespace?: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
}

export interface WatchQuery extends ListQuery {
  /** Events after this resourceVersion; absent: first ADDED for all there is, then changes. */
  readonly resourceVersion?: string;
  readonly signal: AbortSignal;
}

export interface DeleteQuery {
  /** Pods: seconds to stop in. 0 removes the object now (what a kubelet does at the end). */
  readonly gracePeriodSeconds?: number;
  readonly propagationPolicy?: 'Background' | 'Foreground' | 'Orphan';
  readonly preconditions?: { uid?: string; resourceVersion?: string };
}

export interface WriteOptions {
  /** Recorded in managedFields; default 'local'. */
  readonly fieldManager?: string;
}

/**
 * In-process client. Objects handed out are copies: change them freely. All methods reject with ApiError.
 * `namespace` is '' for cluster-scoped resources.
 */
export interface KubeStore {
  get(resource: ResourceName, namespace: string, name: string): Promise<KubeObject>;
  list(resource: ResourceName, query?: ListQuery): Promise<KubeList>;
  /** Ends when the signal aborts. A compacted resourceVersion rejects with code 410: list again. */
  watch(resource: ResourceName, query: WatchQuery): AsyncIterable<WatchEvent>;
  create(resource: ResourceName, object: KubeObjectInput, options?: WriteOptions): Promise<KubeObject>;
  /** Replaces spec and metadata (status is ignored). 409 when metadata.resourceVersion is stale. */
  update(resource: ResourceName, object: KubeObject, options?: WriteOptions): Promise<KubeObject>;
  /** Replaces status only. 409 when metadata.resourceVersion is stale. */
  updateStatus(resource: ResourceName, object: KubeObject, options?: WriteOptions): Promise<KubeObject>;
  /** JSON merge patch (RFC 7386) of the object or of a subresource: never conflicts. */
  patch(
    resource: ResourceName,
    namespace: string,
    name: string,
    patch: Json,
    options?: WriteOptions & { readonly subresource?: 'status' | 'scale' },
  ): Promise<KubeObject>;
  /** Server-side apply; `force` takes fields over from other managers. */
  apply(
    resource: ResourceName,
    object: KubeObjectInput,
    options: { readonly fieldManager: string; readonly force?: boolean; readonly subresource?: 'status' },
  ): Promise<KubeObject>;
  delete(resource: ResourceName, namespace: string, name: string, query?: DeleteQuery): Promise<void>;
}

/** What `kubectl logs` asks of a pod. */
export interface PodLogOptions {
  readonly follow: boolean;
  readonly tailLines?: number;
  readonly previous: boolean;
  readonly sinceSeconds?: number;
  readonly timestamps: boolean;
  readonly limitBytes?: number;
}

/** Gives the lines of a pod's log, or null when there is no such log (yet). */
export type PodLogs = (namespace: string, pod: string, options: PodLogOptions) => AsyncIterable<Buffer> | null;
