import { timingSafeEqual } from 'node:crypto';
import { Metadata, status } from '@grpc/grpc-js';
import { hash } from 'node:crypto';

export const CLUSTER_UID_KEY = 'annulus-cluster-uid';
export const NODE_KEY = 'annulus-node';

/** Metadata of an internal call. */
export function internalMetadata(token: string, clusterUID: string, node: string): Metadata {
  const metadata = new Metadata();
  metadata.set('authorization', `Bearer ${token}`);
  metadata.set(CLUSTER_UID_KEY, clusterUID);
  metadata.set(NODE_KEY, node);
  return metadata;
}

/** Null when the caller knows the cluster's token; otherwise the gRPC status to end the stream with. */
export function refuseByToken(metadata: Metadata, token: string): { code: status; details: string } | null {
  const given = String(metadata.get('authorization')[0] ?? '');
  // Digests have one length, as timingSafeEqual wants.
  const equal = timingSafeEqual(hash('sha256', given, 'buffer'), hash('sha256', `Bearer ${token}`, 'buffer'));
  return equal ? null : { code: status.UNAUTHENTICATED, details: 'the cluster token is missing or wrong' };
}

/** As refuseByToken, and the caller must be of this cluster. */
export function refusePeer(
  metadata: Metadata,
  token: string,
  clusterUID: string,
): { code: status; details: string } | null {
  const refused = refuseByToken(metadata, token);
  if (refused) return refused;
  const uid = String(metadata.get(CLUSTER_UID_KEY)[0] ?? '');
  if (uid === clusterUID) return null;
  return {
    code: status.FAILED_PRECONDITION,
    details: `this node belongs to cluster uid ${clusterUID}, the caller to "${uid}"`,
  };
}
