import type { KubeObject } from '../kube/object.ts';
import { childMetadata, childNames, type StoredCluster } from './common.ts';
import { CONFIG_FILE } from './pod-template.ts';

/** Settings of the nodes as JSON. Nodes read the file again when it changes: it is no part of the pod template's hash. */
export function buildConfigMap(cluster: StoredCluster): KubeObject {
  const { membership } = cluster.spec;
  const config = {
    membership: {
      probeInterval: membership?.probeInterval ?? '1s',
      probeTimeout: membership?.probeTimeout ?? '500ms',
      indirectProbes: membership?.indirectProbes ?? 3,
      suspicionMultiplier: membership?.suspicionMultiplier ?? 2,
      fanout: membership?.fanout ?? 3,
    },
  };
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: childMetadata(cluster, childNames.configMap(cluster.metadata.name)),
    data: { [CONFIG_FILE]: `${JSON.stringify(config, null, 2)}\n` },
  };
}
