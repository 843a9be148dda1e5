import { AnnulusError } from '#model/errors.ts';
import { pointIdText, type PointId } from '#model/point-id.ts';
import { idText, recordsText, recordText } from './answer-text.ts';
import { readBody } from './json.ts';
import { DEFAULT_LIMIT, MAX_RESULTS } from './limits.ts';
import { parseOrder } from './parse-order.ts';
import { readOptions } from './query-params.ts';
import { at, flag, integer, object, pointId, pointIds, refuse, required } from './read.ts';
import { wrongInput } from './refusals.ts';
import { answerFields, filterText } from './request-parts.ts';
import { collectionOf, type Call, type Route } from './route.ts';
import * as schemas from './schemas.ts';

const PARAMETERS = ['consistency', 'timeout'] as const;

/** Reads by id, by page and by number. */
export const READ_ROUTES: readonly Route[] = [
  {
    method: 'POST',
    path: '/collections/:name/points',
    summary: 'Retrieve points by id',
    parameters: PARAMETERS,
    body: schemas.RETRIEVE,
    result: { type: 'array', items: schemas.RECORD },
    handle: retrieve,
  },
  {
    method: 'GET',
    path: '/collections/:name/points/:id',
    summary: 'Retrieve one point with payload and vector',
    parameters: PARAMETERS,
    result: schemas.RECORD,
    handle: retrieveOne,
  },
  {
    method: 'POST',
    path: '/collections/:name/points/scroll',
    summary: 'List points page by page, by id or by a payload field',
    parameters: PARAMETERS,
    body: schemas.SCROLL,
    result: schemas.SCROLLED,
    handle: scroll,
  },
  {
    method: 'POST',
    path: '/collections/:name/points/count',
    summary: 'Count points, exactly',
    parameters: PARAMETERS,
    body: schemas.COUNT,
    result: { type: 'object', properties: { count: { type: 'integer' } } },
    handle: count,
  },
];

async function retrieve(call: Call): Promise<string> {
  const collection = collectionOf(call);
  const options = readOptions(call.query, collection);
  const { ids, fields } = readBody(call.body, (json) => {
    const body = object(json, '', ['ids', 'with_payload', 'with_vector', 'with_vectors', 'shard_key']);
    refuse(body, '', ['shard_key']);
    return { ids: pointIds(required(body, '', 'ids'), 'ids', MAX_RESULTS), fields: answerFields(body, '', true) };
  });
  const points = await call.deps.router.retrieve(collection.name, ids, fields, options);
  return recordsText(points, fields);
}

async function retrieveOne(call: Call): Promise<string> {
  const collection = collectionOf(call);
  const options = readOptions(call.query, collection);
  const given = call.params['id'] ?? '';
  const id = pointId(/^\d{1,20}$/.test(given) ? BigInt(given) : given, 'id');
  const fields = { payload: true, vector: true };
  const [point] = await call.deps.router.retrieve(collection.name, [id], fields, options);
  if (point === undefined) {
    throw new AnnulusError('ANN_POINT_NOT_FOUND', `Not found: Point with id ${pointIdText(id)} does not exists!`, {
      field: 'id',
    });
  }
  return recordText(point, fields);
}

async function scroll(call: Call): Promise<string> {
  const collection = collectionOf(call);
  const options = readOptions(call.query, collection);
  const request = readBody(call.body, (json) => {
    const body = object(json, '', [
      'offset',
      'limit',
      'filter',
      'with_payload',
      'with_vector',
      'with_vectors',
      'order_by',
      'shard_key',
    ]);
    refuse(body, '', ['shard_key']);
    const from: PointId | null = body['offset'] == null ? null : pointId(body['offset'], 'offset');
    if (body['order_by'] != null && from !== null) {
      throw wrongInput(
        'offset',
        "Cannot use an `offset` when using `order_by`. The alternative for paging is to use `order_by.start_from` and a filter to exclude the IDs that you've already seen for the `order_by.start_from` value",
      );
    }
    const order = body['order_by'] == null ? undefined : parseOrder(body['order_by'], 'order_by', collection);
    return {
      from,
      limit: integer(body['limit'], 'limit', 1, MAX_RESULTS) ?? DEFAULT_LIMIT,
      filter: filterText(body['filter'], 'filter'),
      fields: answerFields(body, '', true),
      ...(order === undefined ? {} : { order }),
    };
  });
  const { points, next } = await call.deps.router.scroll(collection.name, request, options);
  const offset = next === null || request.order !== undefined ? 'null' : idText(next);
  return `{"points":${recordsText(points, request.fields)},"next_page_offset":${offset}}`;
}

async function count(call: Call): Promise<string> {
  const collection = collectionOf(call);
  const options = readOptions(call.query, collection);
  const filter = readBody(call.body, (json) => {
    const body = object(json, '', ['filter', 'exact', 'shard_key']);
    refuse(body, '', ['shard_key']);
    // Both answers are exact: an approximate one would not be cheaper.
    flag(body['exact'], at('', 'exact'), true);
    return filterText(body['filter'], 'filter');
  });
  return `{"count":${await call.deps.router.count(collection.name, filter, options)}}`;
}
