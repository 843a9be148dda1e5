/** Shapes of proto/control.proto as the protobuf library gives them: every plain field is there, bytes are Buffers. */

export type CopyState =
  'COPY_STATE_UNSPECIFIED' | 'MISSING' | 'CREATED' | 'OPENING' | 'RECOVERING' | 'READY' | 'FAILED';

export interface CopyReport {
  shard: string;
  allocationId: string;
  state: CopyState;
  term: number;
  seqNo: number;
  checkpoint: number;
  points: number;
  bytes: number;
  message: string;
  copiedPoints: number;
  totalPoints: number;
}

export interface NodeReport {
  mapVersion: number;
  copies: CopyReport[];
  diskFreeBytes: number;
  diskTotalBytes: number;
  memoryBytes: number;
}

export interface NodeHello {
  node: string;
  clusterUid: string;
  mapVersion: number;
  version: string;
}

export interface CopyRequest {
  requestId: number;
  shard: string;
  term: number;
  configVersion: number;
  node: string;
  allocationId: string;
  action: 'COPY_ACTION_UNSPECIFIED' | 'REMOVE_FROM_IN_SYNC' | 'ADD_TO_IN_SYNC';
  reason: string;
}

export interface CopyReply {
  requestId: number;
  ok: boolean;
  reason: string;
  configVersion: number;
}

export interface CollectionRequest {
  requestId: number;
  action: 'COLLECTION_ACTION_UNSPECIFIED' | 'CREATE' | 'UPDATE' | 'DELETE';
  name: string;
  specJson: Buffer;
}

export interface CollectionReply {
  requestId: number;
  ok: boolean;
  code: string;
  message: string;
  field: string;
}

/** A message from a node; `body` names the member that is set. */
export type NodeMessage =
  | { body: 'hello'; hello: NodeHello }
  | { body: 'report'; report: NodeReport }
  | { body: 'collectionRequest'; collectionRequest: CollectionRequest }
  | { body: 'copyRequest'; copyRequest: CopyRequest }
  | { body?: undefined };

/** A message to a node: exactly one member is set. */
export type OperatorMessage =
  | { hello: { cluster: string; clusterUid: string; operator: string; version: string } }
  | { map: { version: number; json: Buffer } }
  | { collectionReply: CollectionReply }
  | { copyReply: CopyReply };
