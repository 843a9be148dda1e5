import type { MapCollection } from '#model/cluster-map.ts';
import { parseFilter, parseFilterText } from '../filter/parse.ts';
import { parsePath } from '../filter/path.ts';
import type { Selector } from '../shard/operations.ts';
import type { Fields as AnswerFields } from '../shard/shard-host.ts';
import { hasLongInteger, jsonText } from './json.ts';
import { array, at, flag, object, pointIds, text, texts, type Fields } from './read.ts';
import { malformed, outOfBounds, unsupported } from './refusals.ts';

/** Reads a filter; gives its JSON text for the shards once the parser accepts it, null when there is none. */
export function filterText(value: unknown, path: string): string | null {
  if (value === undefined || value === null) return null;
  // Text first: it makes the body be parsed exactly if a number in the filter needs it.
  const text = jsonText(value, path);
  if (hasLongInteger(text)) parseFilterText(text, path);
  else parseFilter(value, path);
  return text;
}

/** Reads with_payload and with_vector (also spelt with_vectors). */
export function answerFields(fields: Fields, path: string, payloadDefault: boolean): AnswerFields {
  return {
    payload: payloadSelector(fields['with_payload'], at(path, 'with_payload'), payloadDefault),
    vector:
      fields['with_vectors'] === undefined
        ? vectorSelector(fields['with_vector'], at(path, 'with_vector'))
        : vectorSelector(fields['with_vectors'], at(path, 'with_vectors')),
  };
}

function payloadSelector(value: unknown, path: string, fallback: boolean): AnswerFields['payload'] {
  if (Array.isArray(value)) return { include: payloadPaths(value, path) };
  if (typeof value !== 'object' || value === null) return flag(value, path, fallback);
  const { include, exclude } = object(value, path, ['include', 'exclude']);
  if ((include === undefined) === (exclude === undefined)) throw malformed(path, 'expected either include or exclude');
  return exclude === undefined
    ? { include: payloadPaths(include, at(path, 'include')) }
    : { exclude: payloadPaths(exclude, at(path, 'exclude')) };
}

/** A path into payloads, such as a, a.b or a[].b. */
export function payloadPath(value: unknown, path: string): string {
  const key = text(value, path);
  if (parsePath(key) === null) throw malformed(path, 'expected a payload path such as a, a.b or a[].b');
  return key;
}

export function payloadPaths(value: unknown, path: string): string[] {
  return array(value, path).map((item, i) => payloadPath(item, at(path, i)));
}

function vectorSelector(value: unknown, path: string): boolean {
  if (!Array.isArray(value)) return flag(value, path, false);
  const names = texts(value, path);
  const other = names.findIndex((name) => name !== '');
  if (other >= 0) throw unsupported(at(path, other), 'names a vector; collections have one unnamed vector');
  return names.length > 0;
}

/** Reads `points` or `filter`: which points a write is about. */
export function selector(fields: Fields, path: string): Selector {
  const hasPoints = fields['points'] != null;
  const hasFilter = fields['filter'] != null;
  if (hasPoints && hasFilter) throw malformed(path, 'give either points or filter, not both');
  if (hasPoints) return { ids: pointIds(fields['points'], at(path, 'points')) };
  const filter = filterText(fields['filter'], at(path, 'filter'));
  if (filter === null) throw outOfBounds(path || 'body', 'either list of point ids or filter expected');
  return { filter };
}

/** Reads `using`: only the one unnamed vector exists. */
export function refuseUsing(fields: Fields, path: string): void {
  const using = fields['using'];
  if (using != null && using !== '') {
    throw unsupported(at(path, 'using'), 'names a vector; collections have one unnamed vector');
  }
}

/** What the order of a scroll may be by: fields with an index that knows ranges. */
export function rangeIndexed(collection: MapCollection, field: string): boolean {
  return collection.payloadIndexes.some(
    (index) =>
      index.field === field && (index.type === 'integer' || index.type === 'float' || index.type === 'datetime'),
  );
}
