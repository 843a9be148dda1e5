import type { KubeObject } from '../kube/object.ts';
import { childMetadata, childNames, type StoredCluster } from './common.ts';

export const TOKEN_KEY = 'token';
export const PRIVATE_KEY = 'ed25519.key';

/** Keys of a cluster. */
export interface ClusterKeys {
  /** Shared secret of nodes and operator. */
  token: string;
  /** Ed25519 private key, PKCS #8 PEM. */
  privateKeyPem: string;
}

/** The cluster's keys; created once and never overwritten. */
export function buildSecret(cluster: StoredCluster, keys: ClusterKeys): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: childMetadata(cluster, childNames.secret(cluster.metadata.name)),
    type: 'Opaque',
    data: {
      [TOKEN_KEY]: Buffer.from(keys.token).toString('base64'),
      [PRIVATE_KEY]: Buffer.from(keys.privateKeyPem).toString('base64'),
    },
  };
}
