/** A value of JSON. */
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** A CEL rule as CustomResourceDefinitions write it. */
export interface ValidationRule {
  rule: string;
  message: string;
}

/** A structural schema: the part of OpenAPI v3 that CustomResourceDefinitions allow and Annulus uses. */
export interface Schema {
  type: 'object' | 'array' | 'string' | 'integer' | 'number' | 'boolean';
  description?: string;
  format?: string;
  default?: Json;
  enum?: string[];
  minimum?: number;
  maximum?: number;
  minLength?: number;
  maxLength?: number;
  pattern?: string;
  minItems?: number;
  maxItems?: number;
  maxProperties?: number;
  properties?: Record<string, Schema>;
  required?: string[];
  additionalProperties?: Schema;
  items?: Schema;
  'x-kubernetes-list-type'?: 'map' | 'set' | 'atomic';
  'x-kubernetes-list-map-keys'?: string[];
  'x-kubernetes-preserve-unknown-fields'?: true;
  'x-kubernetes-validations'?: ValidationRule[];
}

/** A column that `kubectl get` prints. */
export interface PrintColumn {
  name: string;
  type: 'string' | 'integer' | 'number' | 'boolean' | 'date';
  jsonPath: string;
  description?: string;
  priority?: number;
}

/** Where the scale subresource finds its numbers. */
export interface Scale {
  specReplicasPath: string;
  statusReplicasPath: string;
  labelSelectorPath?: string;
}

/** A condition type that the operator sets. */
export interface ConditionDoc {
  type: string;
  meaning: string;
}

/** One kind of the API group, as read from its interface. */
export interface Kind {
  kind: string;
  plural: string;
  description: string;
  shortNames: string[];
  categories: string[];
  columns: PrintColumn[];
  conditions: ConditionDoc[];
  scale?: Scale;
  /** The whole object: apiVersion, kind, metadata, spec and, where the interface has it, status. */
  schema: Schema;
}

/** API group and version that the kinds belong to. */
export interface ApiVersion {
  group: string;
  version: string;
}
