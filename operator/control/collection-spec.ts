import { AnnulusError } from '#model/errors.ts';
import { isObject, type JsonObject } from '../kube/json.ts';

/** Parses the JSON of a CollectionSpec or of a merge patch of one; throws ANN_BAD_REQUEST. */
export function parseSpecJson(bytes: Uint8Array): JsonObject {
  let json: unknown;
  try {
    json = bytes.length === 0 ? {} : JSON.parse(Buffer.from(bytes).toString('utf8'));
  } catch {
    throw new AnnulusError('ANN_BAD_REQUEST', 'the collection request carries broken JSON', { field: 'spec_json' });
  }
  if (!isObject(json)) {
    throw new AnnulusError('ANN_BAD_REQUEST', 'the collection request carries no JSON object', { field: 'spec_json' });
  }
  return json;
}

/**
 * Applies a JSON merge patch (RFC 7386) to a CollectionSpec, with one exception: payloadIndexes is a list by field, so an
 * entry replaces the one of its field or is added, and an entry whose type is null removes it.
 */
export function mergeSpec(spec: JsonObject, patch: JsonObject): JsonObject {
  const { payloadIndexes, ...rest } = patch;
  const merged = mergePatch(spec, rest);
  if (payloadIndexes === undefined) return merged;
  const indexes = Array.isArray(payloadIndexes) ? mergeIndexes(spec['payloadIndexes'], payloadIndexes) : payloadIndexes;
  return indexes === null ? withoutIndexes(merged) : { ...merged, payloadIndexes: indexes };
}

function mergeIndexes(before: unknown, changes: unknown[]): unknown[] {
  const fieldOf = (entry: unknown): unknown => (isObject(entry) ? entry['field'] : entry);
  let indexes: unknown[] = Array.isArray(before) ? [...before] : [];
  for (const entry of changes) {
    const place = indexes.findIndex((known) => fieldOf(known) === fieldOf(entry));
    const removes = isObject(entry) && entry['type'] === null;
    if (removes) indexes = indexes.filter((_, i) => i !== place);
    else if (place < 0) indexes.push(entry);
    else indexes[place] = entry;
  }
  return indexes;
}

function mergePatch(target: unknown, patch: JsonObject): JsonObject {
  const merged: JsonObject = isObject(target) ? { ...target } : {};
  for (const [member, value] of Object.entries(patch)) {
    if (value === null) delete merged[member];
    else merged[member] = isObject(value) ? mergePatch(merged[member], value) : value;
  }
  return merged;
}

function withoutIndexes(spec: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(spec).filter(([member]) => member !== 'payloadIndexes'));
}
