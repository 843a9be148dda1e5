import { hash } from 'node:crypto';
import { asObject, canonicalJson } from '../kube-api/json.ts';
import type { KubeObject } from '../kube-api/api-types.ts';

/** `<set>-<10 hex digits>`: equal templates have equal revisions, whatever the order of their keys. */
export function revisionOfTemplate(set: KubeObject): string {
  const template = canonicalJson(asObject(set.spec?.['template']));
  return `${set.metadata.name}-${hash('sha256', template, 'hex').slice(0, 10)}`;
}
