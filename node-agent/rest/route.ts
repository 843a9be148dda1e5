import type { MapCollection } from '#model/cluster-map.ts';
import { AnnulusError } from '#model/errors.ts';
import type { CollectionAdmin, Router } from '../routing/router.ts';
import type { ParameterName, RawQuery } from './query-params.ts';

/** What the routes need of the node. */
export interface RestDeps {
  router: Router;
  admin: CollectionAdmin;
  health: Health;
  /** Whether requests that come now may have waited for long. */
  standstill?: { readonly recent: boolean };
}

/** Answers of the probes and of Prometheus. */
export interface Health {
  /** The process is up. */
  healthz(): ProbeAnswer;
  /** The node's own copies are ready; never about its peers. */
  readyz(): ProbeAnswer;
  /** Prometheus text. */
  metrics(): Promise<string>;
}

export interface ProbeAnswer {
  ok: boolean;
  /** One line for people. */
  text: string;
}

/** One request, as a handler sees it. */
export interface Call {
  deps: RestDeps;
  /** Path parameters, decoded. */
  params: Readonly<Record<string, string>>;
  query: RawQuery;
  body: Buffer;
  /** True once the client's connection is closed. */
  callerGone(): boolean;
}

/** An answer without the envelope. */
export interface PlainAnswer {
  status: number;
  type: string;
  text: string;
}

/** One route of the dialect. The table of these is the server, and its OpenAPI description. */
export interface Route {
  method: 'GET' | 'PUT' | 'POST' | 'PATCH' | 'DELETE';
  /** With `:name` parameters. */
  path: string;
  summary: string;
  /** Query parameters that the route knows; others are refused. */
  parameters?: readonly ParameterName[];
  /** JSON schema of the body; absent = no body is read. */
  body?: object;
  /** JSON schema of `result`. */
  result?: object;
  /** Gives the JSON text of `result`, or a whole answer. */
  handle(call: Call): Promise<string | PlainAnswer> | string | PlainAnswer;
}

/** The collection named in the path; ANN_COLLECTION_NOT_FOUND in the dialect's words. */
export function collectionOf(call: Call): MapCollection {
  const name = call.params['name'] ?? '';
  try {
    return call.deps.router.collection(name);
  } catch (error) {
    if (error instanceof AnnulusError && error.code === 'ANN_COLLECTION_NOT_FOUND') throw collectionMissing(name);
    throw error;
  }
}

export function collectionMissing(name: string): AnnulusError {
  return new AnnulusError('ANN_COLLECTION_NOT_FOUND', `Not found: Collection \`${name}\` doesn't exist!`);
}
