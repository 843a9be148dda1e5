import type { PayloadIndex } from '#crds/v1alpha1/index.ts';
import { parseDatetime } from '../filter/datetime.ts';
import { leavesAt, parsePath, type Path } from '../filter/path.ts';
import { tokens } from '../filter/text.ts';

export type FieldType = PayloadIndex['type'];

/** Longer strings are indexed by their beginning; the predicate tells them apart. */
const KEYWORD_MAX_CHARS = 512;

/** What an index of this type keeps of a payload: texts for keyword, uuid and text, numbers for the others. */
export function fieldValues(payload: Record<string, unknown>, path: Path, type: FieldType): Set<string | number> {
  const values = new Set<string | number>();
  for (const leaf of leavesAt(payload, path)) {
    if (type === 'text') {
      if (typeof leaf === 'string') for (const token of tokens(leaf)) values.add(keyword(token));
      continue;
    }
    const value = indexedValue(leaf, type);
    if (value !== null) values.add(value);
  }
  return values;
}

/** A value as an index of this type keeps it; null when the index holds no such values. */
export function indexedValue(value: unknown, type: FieldType): string | number | null {
  switch (type) {
    case 'keyword':
    case 'uuid':
    case 'text':
      return typeof value === 'string' ? keyword(value) : null;
    case 'integer':
    case 'float':
      // Integers beyond 2^53 are found by their nearest double; the predicate tells them apart.
      return typeof value === 'number' || typeof value === 'bigint' ? Number(value) : null;
    case 'bool':
      return typeof value === 'boolean' ? Number(value) : null;
    case 'datetime':
      return typeof value === 'string' ? parseDatetime(value) : null;
  }
}

export function isRangeType(type: FieldType): boolean {
  return type === 'integer' || type === 'float' || type === 'datetime';
}

export function pathOfField(field: string): Path {
  // A path that cannot be read leads nowhere; the API refuses such fields before they get here.
  return parsePath(field) ?? { steps: [{ index: 0 }] };
}

function keyword(text: string): string {
  return text.length <= KEYWORD_MAX_CHARS ? text : text.slice(0, KEYWORD_MAX_CHARS);
}
