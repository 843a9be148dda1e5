import type { VectorCluster } from '#crds/v1alpha1/index.ts';
import { DEFAULT_SETTINGS, type ClusterMap } from '#model/cluster-map.ts';

/** What nodes need to know of the cluster's spec beside its collections. */
export function mapSettings({
  spec,
  status,
}: VectorCluster): Pick<ClusterMap, 'publicKey' | 'membership' | 'throttleMiBPerSecond'> {
  const { membership: defaults, throttleMiBPerSecond } = DEFAULT_SETTINGS;
  const { probeInterval, probeTimeout, indirectProbes, suspicionMultiplier, fanout } = spec.membership ?? {};
  return {
    publicKey: status?.publicKey ?? '',
    membership: {
      probeIntervalMs: durationMs(probeInterval) ?? defaults.probeIntervalMs,
      probeTimeoutMs: durationMs(probeTimeout) ?? defaults.probeTimeoutMs,
      indirectProbes: indirectProbes ?? defaults.indirectProbes,
      suspicionMultiplier: suspicionMultiplier ?? defaults.suspicionMultiplier,
      fanout: fanout ?? defaults.fanout,
    },
    throttleMiBPerSecond: spec.rebalance?.throttleMiBPerSecond ?? throttleMiBPerSecond,
  };
}

/** `500ms` or `1s` as milliseconds; undefined for none. The CRD's pattern lets nothing else through. */
function durationMs(text: string | undefined): number | undefined {
  const match = /^([0-9]+)(ms|s)$/.exec(text ?? '');
  return match === null ? undefined : Number(match[1]) * (match[2] === 's' ? 1_000 : 1);
}
