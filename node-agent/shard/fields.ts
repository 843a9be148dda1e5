import { jsonText } from '../filter/json.ts';
import { isObject, parsePath, type Path } from '../filter/path.ts';
import { readPayload, removeKeys } from './payload-edit.ts';
import type { Fields } from './shard-host.ts';

type Step = Path['steps'][number];

/** The part of a payload that an answer carries; `payload` text goes through as it is when all of it is wanted. */
export function projectPayload(payload: string | null, wanted: Fields['payload']): string | null {
  if (wanted === false || payload === null) return null;
  if (wanted === true) return payload;
  if ('exclude' in wanted) return removeKeys(payload, wanted.exclude) ?? '{}';
  const value = readPayload(payload);
  return jsonText(include(value, wanted.include.flatMap(stepsOf)) ?? {});
}

function stepsOf(key: string): Step[][] {
  const path = parsePath(key);
  return path ? [path.steps] : [];
}

/** What of `value` lies on one of the paths; undefined when nothing does. */
function include(value: unknown, paths: Step[][]): unknown {
  if (paths.some((path) => path.length === 0)) return value;
  if (Array.isArray(value)) {
    const kept = value.map((item: unknown, i) =>
      include(
        item,
        paths
          .filter(([step]) => step && !('key' in step) && ('every' in step || step.index === i))
          .map((path) => path.slice(1)),
      ),
    );
    const present = kept.filter((item) => item !== undefined);
    return present.length > 0 ? present : undefined;
  }
  if (!isObject(value) || paths.length === 0) return undefined;
  const entries: [string, unknown][] = [];
  for (const [name, item] of Object.entries(value)) {
    const inner = paths.filter(([step]) => step && 'key' in step && step.key === name).map((path) => path.slice(1));
    const kept = inner.length > 0 ? include(item, inner) : undefined;
    if (kept !== undefined) entries.push([name, kept]);
  }
  return entries.length > 0 ? Object.fromEntries(entries) : undefined;
}
