/** One built-in kind: what discovery says of it. */
export interface BuiltinKind {
  readonly group: string;
  readonly version: string;
  readonly resource: string;
  readonly singular: string;
  readonly kind: string;
  readonly namespaced: boolean;
  readonly shortNames?: readonly string[];
  readonly categories?: readonly string[];
  readonly subresources?: readonly ('status' | 'scale' | 'log')[];
  /** No objects: POST answers and keeps nothing (access reviews). */
  readonly virtual?: boolean;
}

type Options = Pick<BuiltinKind, 'shortNames' | 'categories' | 'subresources' | 'virtual'>;

const kind = (
  apiVersion: string,
  resource: string,
  kindName: string,
  namespaced: boolean,
  more: Options = {},
): BuiltinKind => {
  const [first = '', second] = apiVersion.split('/');
  const group = second === undefined ? '' : first;
  return {
    group,
    version: second ?? first,
    resource,
    singular: kindName.toLowerCase(),
    kind: kindName,
    namespaced,
    ...more,
  };
};

/** Every built-in kind of the embedded API server, in discovery's order. */
export const BUILTIN_KINDS: readonly BuiltinKind[] = [
  kind('v1', 'configmaps', 'ConfigMap', true, { shortNames: ['cm'] }),
  kind('v1', 'endpoints', 'Endpoints', true, { shortNames: ['ep'] }),
  kind('v1', 'events', 'Event', true, { shortNames: ['ev'] }),
  kind('v1', 'namespaces', 'Namespace', false, { shortNames: ['ns'], subresources: ['status'] }),
  kind('v1', 'nodes', 'Node', false, { shortNames: ['no'], subresources: ['status'] }),
  kind('v1', 'persistentvolumeclaims', 'PersistentVolumeClaim', true, {
    shortNames: ['pvc'],
    subresources: ['status'],
  }),
  kind('v1', 'persistentvolumes', 'PersistentVolume', false, { shortNames: ['pv'], subresources: ['status'] }),
  kind('v1', 'pods', 'Pod', true, { shortNames: ['po'], categories: ['all'], subresources: ['status', 'log'] }),
  kind('v1', 'secrets', 'Secret', true),
  kind('v1', 'serviceaccounts', 'ServiceAccount', true, { shortNames: ['sa'] }),
  kind('v1', 'services', 'Service', true, { shortNames: ['svc'], categories: ['all'], subresources: ['status'] }),
  kind('apps/v1', 'deployments', 'Deployment', true, {
    shortNames: ['deploy'],
    categories: ['all'],
    subresources: ['status', 'scale'],
  }),
  kind('apps/v1', 'statefulsets', 'StatefulSet', true, {
    shortNames: ['sts'],
    categories: ['all'],
    subresources: ['status', 'scale'],
  }),
  kind('events.k8s.io/v1', 'events', 'Event', true, { shortNames: ['ev'] }),
  kind('authorization.k8s.io/v1', 'selfsubjectaccessreviews', 'SelfSubjectAccessReview', false, { virtual: true }),
  kind('networking.k8s.io/v1', 'networkpolicies', 'NetworkPolicy', true, { shortNames: ['netpol'] }),
  kind('policy/v1', 'poddisruptionbudgets', 'PodDisruptionBudget', true, {
    shortNames: ['pdb'],
    subresources: ['status'],
  }),
  kind('rbac.authorization.k8s.io/v1', 'clusterrolebindings', 'ClusterRoleBinding', false),
  kind('rbac.authorization.k8s.io/v1', 'clusterroles', 'ClusterRole', false),
  kind('rbac.authorization.k8s.io/v1', 'rolebindings', 'RoleBinding', true),
  kind('rbac.authorization.k8s.io/v1', 'roles', 'Role', true),
  kind('storage.k8s.io/v1', 'storageclasses', 'StorageClass', false, { shortNames: ['sc'] }),
  kind('apiextensions.k8s.io/v1', 'customresourcedefinitions', 'CustomResourceDefinition', false, {
    shortNames: ['crd', 'crds'],
    categories: ['api-extensions'],
    subresources: ['status'],
  }),
  kind('coordination.k8s.io/v1', 'leases', 'Lease', true),
  kind('discovery.k8s.io/v1', 'endpointslices', 'EndpointSlice', true),
];
