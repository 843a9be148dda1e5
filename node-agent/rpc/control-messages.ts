/** Shapes of proto/control.proto as the protobuf library gives them. */

export interface OperatorMessage {
  body?: 'hello' | 'map' | 'collectionReply' | 'copyReply';
  hello?: { cluster: string; clusterUid: string; operator: string; version: string };
  map?: { version: number; json: Uint8Array };
  collectionReply?: CollectionReply;
  copyReply?: CopyReply;
}

export interface CollectionReply {
  requestId: number;
  ok: boolean;
  code: string;
  message: string;
  field: string;
}

export interface CopyReply {
  requestId: number;
  ok: boolean;
  reason: string;
  configVersion: number;
}

export interface NodeMessage {
  hello?: { node: string; clusterUid: string; mapVersion: number; version: string };
  report?: NodeReport;
  collectionRequest?: CollectionRequest;
  copyRequest?: CopyRequest;
}

export interface NodeReport {
  mapVersion: number;
  copies: CopyReport[];
  diskFreeBytes: number;
  diskTotalBytes: number;
  memoryBytes: number;
}

export interface CopyReport {
  shard: string;
  allocationId: string;
  state: 'MISSING' | 'CREATED' | 'OPENING' | 'RECOVERING' | 'READY' | 'FAILED';
  term: number;
  seqNo: number;
  checkpoint: number;
  points: number;
  bytes: number;
  message: string;
  copiedPoints: number;
  totalPoints: number;
}

export interface CollectionRequest {
  requestId: number;
  action: 'CREATE' | 'UPDATE' | 'DELETE';
  name: string;
  specJson: Uint8Array;
}

export interface CopyRequest {
  requestId: number;
  shard: string;
  term: number;
  configVersion: number;
  node: string;
  allocationId: string;
  action: 'REMOVE_FROM_IN_SYNC' | 'ADD_TO_IN_SYNC';
  reason: string;
}
