import type { MapCollection } from '#model/cluster-map.ts';
import { AnnulusError } from '#model/errors.ts';
import { parseDatetime } from '../filter/datetime.ts';
import type { ScrollRequest } from '../routing/router.ts';
import { at, number, object, oneOf } from './read.ts';
import { malformed } from './refusals.ts';
import { payloadPath, rangeIndexed } from './request-parts.ts';

/** Reads order_by: a payload field, or `{key, direction, start_from}`. The field needs an index that knows ranges. */
export function parseOrder(
  value: unknown,
  path: string,
  collection: MapCollection,
): NonNullable<ScrollRequest['order']> {
  const fields = typeof value === 'string' ? { key: value } : object(value, path, ['key', 'direction', 'start_from']);
  const field = payloadPath(fields['key'], at(path, 'key'));
  const direction =
    fields['direction'] == null ? 'asc' : oneOf(fields['direction'], at(path, 'direction'), ['asc', 'desc']);
  const startFrom = startValue(fields['start_from'], at(path, 'start_from'));
  if (!rangeIndexed(collection, field)) {
    throw new AnnulusError(
      'ANN_BAD_REQUEST',
      `Bad request: No range index for \`order_by\` key: \`${field}\`. Please create one to use \`order_by\`: an index of type integer, float or datetime knows ranges.`,
      { field: at(path, 'key') },
    );
  }
  return { field, direction, ...(startFrom === undefined ? {} : { startFrom }) };
}

/** A number as it is; a datetime in microseconds since the epoch, as the index holds it. */
function startValue(value: unknown, path: string): number | undefined {
  if (typeof value !== 'string') return number(value, path);
  const micros = parseDatetime(value);
  if (micros === null) throw malformed(path, `"${value.slice(0, 100)}" is neither a number nor an RFC 3339 datetime`);
  return micros;
}
