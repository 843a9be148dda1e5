/** Shapes of proto/control.proto as the protobuf library gives them to both ends: every plain field is there, enums are their names. */

export interface OperatorHello {
  cluster: string;
  clusterUid: string;
  operator: string;
  version: string;
}

export interface NodeHello {
  node: string;
  clusterUid: string;
  mapVersion: number;
  version: string;
}

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
  /** By a primary, one for each other copy. */
  streams: StreamReport[];
  /** By the primary of a shard with sources, one for each source. */
  feeds: FeedReport[];
  /** By a primary that was told to seal itself: no write is under way, and seqNo is on every in-sync copy. */
  drained: boolean;
  /** Copies that anti-entropy found different in this primary's term. */
  divergences: number;
}

export interface StreamReport {
  node: string;
  allocationId: string;
  phase: string;
  seqNo: number;
  failure: string;
}

export interface FeedReport {
  source: string;
  phase: string;
  seqNo: number;
  term: number;
  copiedPoints: number;
  totalPoints: number;
  failure: string;
}

export interface MemberReport {
  node: string;
  state: 'MEMBER_STATE_UNSPECIFIED' | 'ALIVE' | 'SUSPECT' | 'DEAD';
  incarnation: number;
  forMs: number;
}

export interface NodeReport {
  mapVersion: number;
  copies: CopyReport[];
  diskFreeBytes: number;
  diskTotalBytes: number;
  memoryBytes: number;
  /** What the node believes of the others, by gossip. */
  members: MemberReport[];
}

export interface CopyRequest {
  requestId: number;
  shard: string;
  term: number;
  configVersion: number;
  node: string;
  allocationId: string;
  action: 'COPY_ACTION_UNSPECIFIED' | 'REMOVE_FROM_IN_SYNC' | 'ADD_TO_IN_SYNC' | 'HAND_OVER';
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
  specJson: Uint8Array;
}

export interface CollectionReply {
  requestId: number;
  ok: boolean;
  code: string;
  message: string;
  field: string;
}
