import type { Write } from '../shard/operations.ts';
import { readBody } from './json.ts';
import { parseBatch, WRITE_PARSERS, type WriteName } from './parse-writes.ts';
import { requestOptions, writeStatus } from './query-params.ts';
import { collectionOf, type Call, type Route } from './route.ts';
import * as schemas from './schemas.ts';

const PARAMETERS = ['wait', 'ordering', 'timeout'] as const;

/** Writes; each body is read whole before anything is written. */
export const WRITE_ROUTES: readonly Route[] = [
  write('PUT', '/points', 'upsert', 'Insert or replace points', schemas.UPSERT),
  write('POST', '/points/delete', 'delete', 'Delete points', schemas.SELECTOR),
  write('PUT', '/points/vectors', 'update_vectors', 'Replace vectors of existing points', schemas.UPDATE_VECTORS),
  write('POST', '/points/vectors/delete', 'delete_vectors', 'Take the vector from points', schemas.DELETE_VECTORS),
  write('POST', '/points/payload', 'set_payload', 'Merge fields into payloads', schemas.SET_PAYLOAD),
  write('PUT', '/points/payload', 'overwrite_payload', 'Replace payloads', schemas.SET_PAYLOAD),
  write('POST', '/points/payload/delete', 'delete_payload', 'Delete fields of payloads', schemas.DELETE_PAYLOAD),
  write('POST', '/points/payload/clear', 'clear_payload', 'Delete payloads', schemas.SELECTOR),
  {
    method: 'POST',
    path: '/collections/:name/points/batch',
    summary: 'Several writes, in order',
    parameters: PARAMETERS,
    body: schemas.BATCH,
    result: { type: 'array', items: schemas.UPDATE_RESULT },
    handle: batch,
  },
];

function write(method: 'PUT' | 'POST', path: string, name: WriteName, summary: string, body: object): Route {
  return {
    method,
    path: `/collections/:name${path}`,
    summary,
    parameters: PARAMETERS,
    body,
    result: schemas.UPDATE_RESULT,
    handle: (call) => run(call, (json, dimension) => [WRITE_PARSERS[name](json, '', dimension)]),
  };
}

async function batch(call: Call): Promise<string> {
  let operations = 0;
  const result = await run(call, (json, dimension) => {
    const writes = parseBatch(json, '', dimension);
    operations = writes.length;
    return writes;
  });
  return `[${Array.from({ length: operations }, () => result).join(',')}]`;
}

async function run(call: Call, parse: (json: unknown, dimension: number) => Write[]): Promise<string> {
  const collection = collectionOf(call);
  const options = { ...requestOptions(call.query), callerGone: call.callerGone };
  const status = writeStatus(call.query);
  const writes = readBody(call.body, (json) => parse(json, collection.dimension));
  const { seqNo } = writes.length === 0 ? { seqNo: 0 } : await call.deps.router.write(collection.name, writes, options);
  return `{"operation_id":${seqNo},"status":"${status}"}`;
}
