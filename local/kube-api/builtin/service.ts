import type { KubeObject } from '../api-types.ts';
import { asArray, asObject, asString, jsonEqual } from '../json.ts';
import type { Json, JsonObject } from '../json.ts';
import type { KindBehaviour, KindContext } from '../resource-def.ts';
import { fieldErrors } from '../status-errors.ts';
import type { FieldError } from '../status-errors.ts';
import { fill, objectsIn, specOf } from './defaults.ts';

/** Cluster IPs are numbers only: nothing listens there in the embedded mode. */
const CLUSTER_IP_PREFIX = '10.96.';
const SERVICE_KEY = '/services';
const IP_ATTEMPTS = 1_000;
const MAX_PORT = 65_535;

function defaults(service: KubeObject): void {
  const spec = specOf(service);
  fill(spec, { sessionAffinity: 'None', type: 'ClusterIP' });
  if (spec['type'] === 'ClusterIP' || spec['type'] === 'NodePort' || spec['type'] === 'LoadBalancer')
    fill(spec, { internalTrafficPolicy: 'Cluster' });
  if (spec['type'] === 'NodePort' || spec['type'] === 'LoadBalancer') fill(spec, { externalTrafficPolicy: 'Cluster' });
  if (spec['type'] === 'LoadBalancer') fill(spec, { allocateLoadBalancerNodePorts: true });
  for (const port of objectsIn(spec['ports'])) {
    fill(port, { protocol: 'TCP' });
    fill(port, { targetPort: port['port'] ?? 0 });
  }
}

function allocateIp({ store, random }: KindContext): string {
  const used = new Set(store.list(SERVICE_KEY).map((service) => asString(asObject(service.spec)['clusterIP'])));
  for (let i = 0; i < IP_ATTEMPTS; i += 1) {
    const ip = `${CLUSTER_IP_PREFIX}${Math.floor(random() * 256)}.${1 + Math.floor(random() * 254)}`;
    if (!used.has(ip)) return ip;
  }
  throw new Error('no free cluster IP: delete services');
}

function prepareCreate(service: KubeObject, context: KindContext): void {
  const spec = specOf(service);
  service.status = { loadBalancer: {} };
  if (spec['type'] === 'ExternalName') return;
  const given = asString(spec['clusterIP']) || asString(asArray(spec['clusterIPs'])[0]);
  const ip = given === '' ? allocateIp(context) : given;
  fill(spec, { ipFamilies: ['IPv4'], ipFamilyPolicy: 'SingleStack' });
  spec['clusterIP'] = ip;
  spec['clusterIPs'] = [ip];
}

function prepareUpdate(service: KubeObject, old: KubeObject): void {
  const was = asObject(old.spec);
  const spec = specOf(service);
  if (spec['type'] === 'ExternalName' || was['type'] === 'ExternalName') return;
  for (const key of ['clusterIP', 'clusterIPs', 'ipFamilies', 'ipFamilyPolicy'] as const) {
    if (was[key] !== undefined && (spec[key] === undefined || spec[key] === '')) spec[key] = was[key];
  }
}

function portErrors(port: JsonObject, i: number, count: number): FieldError[] {
  const at = `spec.ports[${i}]`;
  const errors: FieldError[] = [];
  const number = Number(port['port'] ?? 0);
  if (count > 1 && !port['name']) errors.push(fieldErrors.required(`${at}.name`, ''));
  if (!(number >= 1 && number <= MAX_PORT))
    errors.push(fieldErrors.invalid(`${at}.port`, number, `must be between 1 and ${MAX_PORT}, inclusive`));
  return errors;
}

export const SERVICE: KindBehaviour = {
  defaults,
  prepareCreate,
  prepareUpdate,
  nameRule: 'rfc1035',
  validate: (service) => {
    const spec = specOf(service);
    const ports = objectsIn(spec['ports']);
    const needsPorts = spec['type'] !== 'ExternalName' && spec['clusterIP'] !== 'None';
    const errors = ports.flatMap((port, i) => portErrors(port, i, ports.length));
    const names = new Set<Json>();
    ports.forEach((port, i) => {
      const name = port['name'];
      if (name !== undefined && names.has(name)) errors.push(fieldErrors.duplicate(`spec.ports[${i}].name`, name));
      if (name !== undefined) names.add(name);
    });
    return needsPorts && ports.length === 0 ? [fieldErrors.required('spec.ports', ''), ...errors] : errors;
  },
  validateUpdate: (service, old) => {
    const spec = specOf(service);
    const was = asObject(old.spec);
    if (spec['type'] === 'ExternalName' || was['type'] === 'ExternalName') return [];
    if (jsonEqual(spec['clusterIPs'] ?? null, was['clusterIPs'] ?? null)) return [];
    return [fieldErrors.invalid('spec.clusterIPs[0]', spec['clusterIPs'] ?? null, 'may not change once set')];
  },
  selectableFields: {
    'spec.clusterIP': (service) => asString(asObject(service.spec)['clusterIP']),
    'spec.type': (service) => asString(asObject(service.spec)['type']),
  },
};
