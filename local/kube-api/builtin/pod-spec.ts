import { asObject, isObject } from '../json.ts';
import type { JsonObject } from '../json.ts';
import { canonicalQuantity } from '../quantity.ts';
import { fieldErrors } from '../status-errors.ts';
import type { FieldError } from '../status-errors.ts';
import { ensureObject, fill, objectsIn } from './defaults.ts';

const PROBES = ['livenessProbe', 'readinessProbe', 'startupProbe'] as const;
const SOURCES_WITH_MODE = ['configMap', 'secret', 'downwardAPI', 'projected'] as const;
const DEFAULT_MODE = 0o644;

/** Rewrites quantities in requests and limits to their canonical form; limits stand in for absent requests. */
export function canonicalResources(resources: JsonObject): void {
  for (const key of ['limits', 'requests']) {
    const amounts = resources[key];
    if (!isObject(amounts)) continue;
    for (const [name, value] of Object.entries(amounts)) amounts[name] = canonicalQuantity(value ?? '0');
  }
}

function defaultProbe(probe: JsonObject): void {
  fill(probe, { timeoutSeconds: 1, periodSeconds: 10, successThreshold: 1, failureThreshold: 3 });
  if (isObject(probe['httpGet'])) fill(probe['httpGet'], { path: '/', scheme: 'HTTP' });
  if (isObject(probe['grpc'])) fill(probe['grpc'], { service: '' });
}

function defaultContainer(container: JsonObject): void {
  const image = typeof container['image'] === 'string' ? container['image'] : '';
  const untagged = !image.includes('@') && (image.endsWith(':latest') || !/:[^/]+$/.test(image));
  fill(container, {
    resources: {},
    terminationMessagePath: '/dev/termination-log',
    terminationMessagePolicy: 'File',
    imagePullPolicy: untagged ? 'Always' : 'IfNotPresent',
  });
  const resources = asObject(container['resources']);
  canonicalResources(resources);
  if (isObject(resources['limits'])) {
    const requests = ensureObject(resources, 'requests');
    for (const [name, value] of Object.entries(resources['limits'])) requests[name] ??= value;
  }
  for (const port of objectsIn(container['ports'])) fill(port, { protocol: 'TCP' });
  for (const name of PROBES) if (isObject(container[name])) defaultProbe(container[name]);
  for (const variable of objectsIn(container['env'])) {
    const field = asObject(variable['valueFrom'])['fieldRef'];
    if (isObject(field)) fill(field, { apiVersion: 'v1' });
  }
}

function defaultVolume(volume: JsonObject): void {
  const hasSource = Object.keys(volume).some((key) => key !== 'name');
  if (!hasSource) volume['emptyDir'] = {};
  for (const name of SOURCES_WITH_MODE) if (isObject(volume[name])) fill(volume[name], { defaultMode: DEFAULT_MODE });
  if (isObject(volume['hostPath'])) fill(volume['hostPath'], { type: '' });
  const fields = [
    ...objectsIn(asObject(volume['downwardAPI'])['items']),
    ...objectsIn(asObject(volume['projected'])['sources']).flatMap((s) =>
      objectsIn(asObject(s['downwardAPI'])['items']),
    ),
  ];
  for (const field of fields) if (isObject(field['fieldRef'])) fill(field['fieldRef'], { apiVersion: 'v1' });
}

/** The defaults of a pod's spec, also inside a template. In place. */
export function defaultPodSpec(spec: JsonObject): void {
  fill(spec, {
    restartPolicy: 'Always',
    dnsPolicy: 'ClusterFirst',
    schedulerName: 'default-scheduler',
    terminationGracePeriodSeconds: 30,
    securityContext: {},
  });
  if (typeof spec['serviceAccountName'] === 'string') fill(spec, { serviceAccount: spec['serviceAccountName'] });
  for (const container of [...objectsIn(spec['initContainers']), ...objectsIn(spec['containers'])])
    defaultContainer(container);
  for (const volume of objectsIn(spec['volumes'])) defaultVolume(volume);
}

/** The refusals that a forgotten name or image gets. */
export function validatePodSpec(spec: JsonObject, path: string): FieldError[] {
  const errors: FieldError[] = [];
  const containers = objectsIn(spec['containers']);
  if (containers.length === 0) errors.push(fieldErrors.required(`${path}.containers`, ''));
  const names = new Set<string>();
  containers.forEach((container, i) => {
    const at = `${path}.containers[${i}]`;
    const name = container['name'];
    if (typeof name !== 'string' || name === '') errors.push(fieldErrors.required(`${at}.name`, ''));
    else if (names.has(name)) errors.push(fieldErrors.duplicate(`${at}.name`, name));
    else names.add(name);
    if (!container['image']) errors.push(fieldErrors.required(`${at}.image`, ''));
  });
  return errors;
}
