import type { KubeObject } from '../kube/object.ts';
import { childMetadata, childNames, podSelector, type BuildConfig, type StoredCluster } from './common.ts';
import { buildPodTemplate } from './pod-template.ts';

/** Name of the claim template; a pod's claim is `<claim>-<pod>`. */
export const CLAIM = 'data';

/** The data pods. OnDelete and Parallel: the operator owns the order of restarts. */
export function buildStatefulSet(cluster: StoredCluster, config: BuildConfig, replicas: number): KubeObject {
  const { name } = cluster.metadata;
  const { storage, claimDeletionPolicy } = cluster.spec;
  return {
    apiVersion: 'apps/v1',
    kind: 'StatefulSet',
    metadata: childMetadata(cluster, childNames.statefulSet(name)),
    spec: {
      serviceName: childNames.headlessService(name),
      replicas,
      podManagementPolicy: 'Parallel',
      updateStrategy: { type: 'OnDelete' },
      persistentVolumeClaimRetentionPolicy: { whenDeleted: claimDeletionPolicy ?? 'Retain', whenScaled: 'Retain' },
      selector: { matchLabels: podSelector(name) },
      template: buildPodTemplate(cluster),
      volumeClaimTemplates: [
        {
          metadata: { name: CLAIM },
          spec: {
            accessModes: ['ReadWriteOnce'],
            resources: { requests: { storage: config.storageSize ?? storage?.size ?? '10Gi' } },
            ...(storage?.className === undefined ? {} : { storageClassName: storage.className }),
          },
        },
      ],
    },
  };
}
