import { asArray, asObject, isObject, jsonEqual } from '../json.ts';
import type { Json, JsonObject } from '../json.ts';
import { itemSchema, memberSchema } from '../schema/schema.ts';
import type { Schema } from '../schema/schema.ts';

const DIRECTIVE = '$patch';
const DELETE_PRIMITIVES = '$deleteFromPrimitiveList/';
const SET_ORDER = '$setElementOrder/';
const RETAIN_KEYS = '$retainKeys';

const isMergeList = (schema: Schema | undefined): boolean =>
  (schema?.['x-kubernetes-patch-strategy'] ?? '').split(',').includes('merge');

/** Strategic merge patch: like a merge patch, but lists with a merge key merge item by item. Returns a new value. */
export function applyStrategicPatch(target: Json, patch: Json, schema: Schema | undefined): Json {
  if (!isObject(patch)) return patch;
  if (patch[DIRECTIVE] === 'replace') return strip(patch);
  if (patch[DIRECTIVE] === 'delete') return {};
  const out: JsonObject = isObject(target) ? { ...target } : {};
  const retain = patch[RETAIN_KEYS];
  if (Array.isArray(retain)) for (const key of Object.keys(out)) if (!retain.includes(key)) delete out[key];
  for (const [key, value] of Object.entries(patch)) {
    if (value === undefined || key === RETAIN_KEYS || key.startsWith(SET_ORDER)) continue;
    if (key.startsWith(DELETE_PRIMITIVES)) {
      const name = key.slice(DELETE_PRIMITIVES.length);
      out[name] = asArray(out[name]).filter((item) => !asArray(value).some((gone) => jsonEqual(gone, item)));
      continue;
    }
    if (value === null) delete out[key];
    else out[key] = mergeMember(out[key], value, memberSchema(schema, key));
  }
  for (const [key, order] of Object.entries(patch)) {
    if (!key.startsWith(SET_ORDER)) continue;
    const name = key.slice(SET_ORDER.length);
    if (Array.isArray(out[name]))
      out[name] = ordered(out[name], asArray(order), memberSchema(schema, name)?.['x-kubernetes-patch-merge-key']);
  }
  return out;
}

function mergeMember(current: Json | undefined, value: Json, schema: Schema | undefined): Json {
  if (Array.isArray(value)) {
    if (!isMergeList(schema)) return value;
    return mergeList(asArray(current), value, schema);
  }
  return isObject(value) ? applyStrategicPatch(current ?? null, value, schema) : value;
}

function mergeList(current: Json[], patch: Json[], schema: Schema | undefined): Json[] {
  const key = schema?.['x-kubernetes-patch-merge-key'];
  if (patch.some((item) => isObject(item) && item[DIRECTIVE] === 'replace')) {
    return patch
      .filter((item) => !(isObject(item) && item[DIRECTIVE] === 'replace' && Object.keys(item).length === 1))
      .map(strip);
  }
  const out = [...current];
  for (const item of patch) {
    const same = (other: Json): boolean =>
      key === undefined ? jsonEqual(other, item) : jsonEqual(asObject(other)[key] ?? null, asObject(item)[key] ?? null);
    const at = out.findIndex(same);
    if (isObject(item) && item[DIRECTIVE] === 'delete') {
      if (at >= 0) out.splice(at, 1);
    } else if (at < 0) out.push(key === undefined ? item : applyStrategicPatch({}, item, itemSchema(schema)));
    else if (key !== undefined) out[at] = applyStrategicPatch(out[at] ?? null, item, itemSchema(schema));
  }
  return out;
}

/** Puts items in the order that the patch asks for; items that it does not name keep their place at the end. */
function ordered(list: Json[], order: Json[], key: string | undefined): Json[] {
  const rank = (item: Json): number => {
    const at = order.findIndex((wanted) =>
      key === undefined
        ? jsonEqual(wanted, item)
        : jsonEqual(asObject(wanted)[key] ?? null, asObject(item)[key] ?? null),
    );
    return at < 0 ? order.length : at;
  };
  return list
    .map((item, index) => ({ item, index }))
    .sort((a, b) => rank(a.item) - rank(b.item) || a.index - b.index)
    .map(({ item }) => item);
}

function strip(value: Json): Json {
  if (!isObject(value)) return value;
  const { [DIRECTIVE]: _, ...rest } = value;
  return rest;
}
