/** Types shared by all kinds of group annulus.dev, version v1alpha1. */

/** The part of Kubernetes ObjectMeta that Annulus reads and writes. */
export interface ObjectMeta {
  name: string;
  namespace?: string;
  generateName?: string;
  uid?: string;
  resourceVersion?: string;
  generation?: number;
  creationTimestamp?: string;
  deletionTimestamp?: string;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  finalizers?: string[];
  ownerReferences?: OwnerReference[];
}

/** Reference from a child object to the object that owns it. */
export interface OwnerReference {
  apiVersion: string;
  kind: string;
  name: string;
  uid: string;
  controller?: boolean;
  blockOwnerDeletion?: boolean;
}

/** Standard Kubernetes condition (KEP-1623). */
export interface Condition {
  /** What the condition is about, e.g. Available. */
  type: string;
  status: 'True' | 'False' | 'Unknown';
  /** metadata.generation of the spec that was judged. @minimum 0 */
  observedGeneration?: number;
  /** When status last changed. @format date-time */
  lastTransitionTime: string;
  /** One CamelCase word, constant in the code. @maxLength 256 */
  reason: string;
  /** A sentence for people. @maxLength 4096 */
  message: string;
}

/**
 * A slot range of a Collection, both ends included, within 0..16383.
 *
 * @rule self.from <= self.to | a slot range runs from the lower slot to the higher one
 */
export interface SlotRange {
  /** @minimum 0 @maximum 16383 */
  from: number;
  /** @minimum 0 @maximum 16383 */
  to: number;
}

/** Group, version and the API version string that every object of ours carries. */
export const GROUP = 'annulus.dev';
export const VERSION = 'v1alpha1';
export const API_VERSION = `${GROUP}/${VERSION}`;
