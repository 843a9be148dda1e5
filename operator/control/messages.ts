import type {
  CollectionReply,
  CollectionRequest,
  CopyReply,
  CopyRequest,
  NodeHello,
  NodeReport,
  OperatorHello,
} from '#proto/control-messages.ts';

/** A message from a node; `body` names the member that is set. */
export type NodeMessage =
  | { body: 'hello'; hello: NodeHello }
  | { body: 'report'; report: NodeReport }
  | { body: 'collectionRequest'; collectionRequest: CollectionRequest }
  | { body: 'copyRequest'; copyRequest: CopyRequest }
  | { body?: undefined };

/** A message to a node: exactly one member is set. */
export type OperatorMessage =
  | { hello: OperatorHello }
  | { map: { version: number; json: Buffer } }
  | { collectionReply: CollectionReply }
  | { copyReply: CopyReply };
