import type {
  CollectionReply,
  CollectionRequest,
  CopyReply,
  CopyRequest,
  NodeHello,
  NodeReport,
  OperatorHello,
} from '#proto/control-messages.ts';

/** A message from the operator; `body` names the member that is set. */
export interface OperatorMessage {
  body?: 'hello' | 'map' | 'collectionReply' | 'copyReply';
  hello?: OperatorHello;
  map?: { version: number; json: Uint8Array };
  collectionReply?: CollectionReply;
  copyReply?: CopyReply;
}

/** A message to the operator: one member is set. */
export interface NodeMessage {
  hello?: NodeHello;
  report?: NodeReport;
  collectionRequest?: CollectionRequest;
  copyRequest?: CopyRequest;
}
