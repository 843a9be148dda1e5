import { fileURLToPath } from 'node:url';
import { loadPackageDefinition, type ServiceClientConstructor } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';

/** Biggest gRPC message inside a cluster: a cluster map of thousands of shards, or a batch of points. */
export const MAX_MESSAGE_BYTES = 64 * 1024 * 1024;

/**
 * Loads one service of `proto/<file>`. 64-bit numbers become JavaScript numbers (exact up to 2^53 - 1), or their digits with `longs` String;
 * enums become their names.
 */
export function loadServiceClient(
  file: string,
  service: string,
  longs: NumberConstructor | StringConstructor = Number,
): ServiceClientConstructor {
  const path = fileURLToPath(new URL(file, import.meta.url));
  const definition = loadSync(path, { longs, enums: String, defaults: true, arrays: true, oneofs: true });
  const root = loadPackageDefinition(definition)['annulus'];
  const version = root && 'v1' in root ? root.v1 : undefined;
  const members = typeof version === 'object' ? (version as Record<string, unknown>) : {};
  const client = members[service];
  if (typeof client !== 'function' || !('service' in client)) throw new Error(`${file} has no service ${service}`);
  return client as ServiceClientConstructor;
}
