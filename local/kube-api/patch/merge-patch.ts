import { isObject } from '../json.ts';
import type { Json, JsonObject } from '../json.ts';

/** JSON merge patch (RFC 7386): members of the patch replace, null removes. Returns a new value. */
export function applyMergePatch(target: Json, patch: Json): Json {
  if (!isObject(patch)) return patch;
  const out: JsonObject = isObject(target) ? { ...target } : {};
  for (const [key, value] of Object.entries(patch)) {
    if (value === undefined) continue;
    if (value === null) delete out[key];
    else out[key] = applyMergePatch(out[key] ?? null, value);
  }
  return out;
}
