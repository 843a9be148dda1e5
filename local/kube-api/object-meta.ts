import type { KubeObject, ObjectMeta } from './api-types.ts';
import { fieldErrors } from './status-errors.ts';
import type { FieldError } from './status-errors.ts';
import { jsonEqual } from './json.ts';
import type { Json } from './json.ts';
import type { KindBehaviour } from './resource-def.ts';

const LABEL = '[a-z0-9]([-a-z0-9]*[a-z0-9])?';
const SUBDOMAIN = `${LABEL}(\\.${LABEL})*`;
const SUBDOMAIN_TEXT = `a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '${SUBDOMAIN}')`;
const LABEL_TEXT = `a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '${LABEL}')`;
const RFC1035 = '[a-z]([-a-z0-9]*[a-z0-9])?';
const RFC1035_TEXT = `a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '${RFC1035}')`;
const MAX_SUBDOMAIN = 253;
const MAX_LABEL = 63;
const QUALIFIED = '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]';
const QUALIFIED_TEXT = `name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '${QUALIFIED}')`;
const LABEL_VALUE_TEXT = `a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(${QUALIFIED})?')`;
/** Of all annotations of an object together, keys and values. */
const MAX_ANNOTATIONS_BYTES = 256 * 1024;

const matches = (pattern: string, text: string): boolean => new RegExp(`^(${pattern})$`).test(text);

/** Refusals of a metadata.name under a kind's rule. */
function nameErrors(rule: KindBehaviour['nameRule'], name: string): string[] {
  if (rule === 'path') {
    if (name === '.' || name === '..') return [`may not be '${name}'`];
    return ['/', '%'].filter((char) => name.includes(char)).map((char) => `may not contain '${char}'`);
  }
  const errors: string[] = [];
  const max = rule === 'label' || rule === 'rfc1035' ? MAX_LABEL : MAX_SUBDOMAIN;
  if (name.length > max) errors.push(`must be no more than ${max} bytes`);
  if (rule === 'label' && !matches(LABEL, name)) errors.push(LABEL_TEXT);
  if (rule === 'rfc1035' && !matches(RFC1035, name)) errors.push(RFC1035_TEXT);
  if ((rule === undefined || rule === 'subdomain') && !matches(SUBDOMAIN, name)) errors.push(SUBDOMAIN_TEXT);
  return errors;
}

export function qualifiedNameErrors(key: string): string[] {
  const parts = key.split('/');
  const name = parts.at(-1) ?? '';
  if (parts.length > 2)
    return [
      "a qualified name must consist of alphanumeric characters, '-', '_' or '.', with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')",
    ];
  const errors: string[] = [];
  if (parts.length === 2) {
    const prefix = parts[0] ?? '';
    if (prefix === '') errors.push('prefix part must be non-empty');
    else if (!matches(SUBDOMAIN, prefix)) errors.push(`prefix part ${SUBDOMAIN_TEXT}`);
  }
  if (name === '') errors.push('name part must be non-empty');
  else if (name.length > MAX_LABEL) errors.push(`name part must be no more than ${MAX_LABEL} bytes`);
  if (!matches(QUALIFIED, name)) errors.push(QUALIFIED_TEXT);
  return errors;
}

function labelErrors(labels: Record<string, string> | undefined, field: string): FieldError[] {
  return Object.entries(labels ?? {}).flatMap(([key, value]) => {
    const errors = qualifiedNameErrors(key).map((text) => fieldErrors.invalid(field, key, text));
    if (value.length > MAX_LABEL)
      errors.push(fieldErrors.invalid(field, value, `must be no more than ${MAX_LABEL} bytes`));
    if (!matches(`(${QUALIFIED})?`, value)) errors.push(fieldErrors.invalid(field, value, LABEL_VALUE_TEXT));
    return errors;
  });
}

function annotationErrors(annotations: Record<string, string> | undefined): FieldError[] {
  const field = 'metadata.annotations';
  const entries = Object.entries(annotations ?? {});
  const errors = entries.flatMap(([key]) =>
    qualifiedNameErrors(key.toLowerCase()).map((text) => fieldErrors.invalid(field, key, text)),
  );
  const bytes = entries.reduce((sum, [key, value]) => sum + Buffer.byteLength(key) + Buffer.byteLength(value), 0);
  if (bytes > MAX_ANNOTATIONS_BYTES) errors.push(fieldErrors.tooLong(field, MAX_ANNOTATIONS_BYTES));
  return errors;
}

function ownerErrors(meta: ObjectMeta): FieldError[] {
  const errors: FieldError[] = [];
  const owners = meta.ownerReferences ?? [];
  for (const owner of owners) {
    const field = 'metadata.ownerReferences';
    if (!owner.apiVersion)
      errors.push(fieldErrors.invalid(`${field}.apiVersion`, owner.apiVersion ?? '', 'version must not be empty'));
    if (!owner.kind) errors.push(fieldErrors.invalid(`${field}.kind`, owner.kind ?? '', 'must not be empty'));
    if (!owner.name) errors.push(fieldErrors.invalid(`${field}.name`, owner.name ?? '', 'must not be empty'));
    if (!owner.uid) errors.push(fieldErrors.invalid(`${field}.uid`, owner.uid ?? '', 'must not be empty'));
  }
  const controllers = owners.filter((owner) => owner.controller === true);
  const [first, second] = controllers;
  if (first !== undefined && second !== undefined) {
    const text = `Only one reference can have Controller set to true. Found "true" in references for ${first.kind}/${first.name} and ${second.kind}/${second.name}`;
    errors.push(fieldErrors.invalid('metadata.ownerReferences', owners, text));
  }
  return errors;
}

function finalizerErrors(finalizers: string[] | undefined, field = 'metadata.finalizers'): FieldError[] {
  return (finalizers ?? []).flatMap((name) =>
    qualifiedNameErrors(name).map((text) => fieldErrors.invalid(field, name, text)),
  );
}

/** Refusals of an object's metadata at its creation. */
export function validateMeta(object: KubeObject, namespaced: boolean, rule: KindBehaviour['nameRule']): FieldError[] {
  const meta = object.metadata;
  const errors: FieldError[] = [];
  if (meta.name === undefined || meta.name === '') {
    errors.push(fieldErrors.required('metadata.name', 'name or generateName is required'));
  } else
    errors.push(...nameErrors(rule, meta.name).map((text) => fieldErrors.invalid('metadata.name', meta.name, text)));
  if (namespaced && meta.namespace !== undefined) {
    errors.push(
      ...nameErrors('label', meta.namespace).map((text) =>
        fieldErrors.invalid('metadata.namespace', meta.namespace, text),
      ),
    );
  }
  return [
    ...errors,
    ...labelErrors(meta.labels, 'metadata.labels'),
    ...annotationErrors(meta.annotations),
    ...ownerErrors(meta),
    ...finalizerErrors(meta.finalizers),
  ];
}

/** Refusals of a change of metadata. Expects the server-kept fields to be carried over before. */
export function validateMetaUpdate(object: KubeObject, old: KubeObject): FieldError[] {
  const meta = object.metadata;
  const was = old.metadata;
  const errors: FieldError[] = [];
  for (const key of [
    'name',
    'namespace',
    'uid',
    'creationTimestamp',
    'deletionTimestamp',
    'deletionGracePeriodSeconds',
  ] as const) {
    if ((meta[key] ?? '') !== (was[key] ?? '')) {
      errors.push(fieldErrors.invalid(`metadata.${key}`, meta[key] ?? '', 'field is immutable'));
    }
  }
  if (was.deletionTimestamp !== undefined) {
    const added = (meta.finalizers ?? []).filter((name) => !(was.finalizers ?? []).includes(name));
    if (added.length > 0) {
      const list = `[]string{${added.map((name) => JSON.stringify(name)).join(', ')}}`;
      errors.push(
        fieldErrors.forbidden(
          'metadata.finalizers',
          `no new finalizers can be added if the object is being deleted, found new finalizers ${list}`,
        ),
      );
    }
  }
  if (!jsonEqual((meta.labels ?? {}) as Json, (was.labels ?? {}) as Json))
    errors.push(...labelErrors(meta.labels, 'metadata.labels'));
  if (!jsonEqual((meta.annotations ?? {}) as Json, (was.annotations ?? {}) as Json))
    errors.push(...annotationErrors(meta.annotations));
  errors.push(...ownerErrors(meta), ...finalizerErrors(meta.finalizers));
  return errors;
}
