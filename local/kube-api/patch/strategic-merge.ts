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
  const same = (a: Json, b: Json): boolean =>
    key === undefined ? jsonEqual(a, b) : jsonEqual(asObject(a)[key] ?? null, asObject(b)[key] ?? null);
  const isDelete = (item: Json): boolean => isObject(item) && item[DIRECTIVE] === 'delete';
  const merged = patch
    .filter((item) => !isDelete(item))
    .map((item) => {
      const was = current.find((other) => same(other, item));
      return key === undefined ? item : applyStrategicPatch(was ?? {}, item, itemSchema(schema));
    });
  const untouched = current.filter((item) => !patch.some((other) => same(other, item)));
  const place = (item: Json): number => current.findIndex((other) => same(other, item));
  const out: Json[] = [];
  // Patched items keep the patch's order; others keep theirs, before the patched items that followed them.
  while (merged.length > 0 || untouched.length > 0) {
    const [mine, theirs] = [untouched[0], merged[0]];
    const takesMine = theirs === undefined || (mine !== undefined && place(theirs) >= 0 && place(mine) < place(theirs));
    const next = takesMine ? untouched.shift() : merged.shift();
    if (next !== undefined) out.push(next);
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
