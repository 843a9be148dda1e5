import { asNumber, asObject, asString } from '../json.ts';
import type { KindBehaviour } from '../resource-def.ts';
import { defaultPodSpec, validatePodSpec } from './pod-spec.ts';
import { fill, specOf } from './defaults.ts';

const DEFAULT_GRACE_SECONDS = 30;

export const POD: KindBehaviour = {
  defaults: (pod) => {
    const spec = specOf(pod);
    defaultPodSpec(spec);
    fill(spec, { enableServiceLinks: true });
  },
  prepareCreate: (pod) => {
    pod.status = { phase: 'Pending', qosClass: 'BestEffort' };
  },
  validate: (pod) => validatePodSpec(specOf(pod), 'spec'),
  hasGeneration: true,
  graceSeconds: (pod) => {
    const spec = asObject(pod.spec);
    const phase = asString(asObject(pod.status)['phase']);
    // Nobody runs a pod without a node, or one that has ended: nobody has to stop it.
    if (asString(spec['nodeName']) === '' || phase === 'Failed' || phase === 'Succeeded') return 0;
    return asNumber(spec['terminationGracePeriodSeconds']) ?? DEFAULT_GRACE_SECONDS;
  },
  selectableFields: {
    'spec.nodeName': (pod) => asString(asObject(pod.spec)['nodeName']),
    'spec.restartPolicy': (pod) => asString(asObject(pod.spec)['restartPolicy']),
    'spec.schedulerName': (pod) => asString(asObject(pod.spec)['schedulerName']),
    'spec.serviceAccountName': (pod) => asString(asObject(pod.spec)['serviceAccountName']),
    'spec.hostNetwork': (pod) => String(asObject(pod.spec)['hostNetwork'] === true),
    'status.phase': (pod) => asString(asObject(pod.status)['phase']),
    'status.podIP': (pod) => asString(asObject(pod.status)['podIP']),
    'status.nominatedNodeName': (pod) => asString(asObject(pod.status)['nominatedNodeName']),
  },
};
