/** Messages of proto/client.proto as the loader gives them: 64-bit numbers as digits, enums by name, defaults filled in. */

export interface PointIdMessage {
  id?: 'num' | 'uuid';
  /** Digits when received; a number (quicker) may be sent up to 2^53. */
  num?: string | number;
  uuid?: string;
}

export interface PointMessage {
  id: PointIdMessage | null;
  vector: Uint8Array;
  payload: string;
}

export interface PartsMessage {
  payload: boolean;
  include: string[];
  exclude: string[];
  vector: boolean;
}

export interface InCollection {
  collection: string;
  timeoutMs: number;
}

export interface ReadRequest extends InCollection {
  consistency: string;
}

export interface QueryMessage {
  vector: Uint8Array;
  limit: number;
  offset: number;
  ef: number;
  exact: boolean;
  filter: string;
  /** Absent when the client did not set it. */
  scoreThreshold?: number;
  parts: PartsMessage | null;
}

export interface UpsertRequest extends InCollection {
  points: PointMessage[];
}

export interface DeleteRequest extends InCollection {
  ids: PointIdMessage[];
  filter: string;
}

export interface GetRequest extends ReadRequest {
  ids: PointIdMessage[];
  parts: PartsMessage | null;
}

export interface SearchRequest extends ReadRequest {
  query: QueryMessage | null;
}

export interface SearchBatchRequest extends ReadRequest {
  queries: QueryMessage[];
}

export interface CountRequest extends ReadRequest {
  filter: string;
}

export interface ScrollRequestMessage extends ReadRequest {
  from: PointIdMessage | null;
  limit: number;
  filter: string;
  parts: PartsMessage | null;
}

export interface HitMessage {
  id: PointIdMessage;
  score: number;
  payload: string;
  vector: Uint8Array;
}

export interface SearchReply {
  hits: HitMessage[];
}
