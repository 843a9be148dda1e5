import type { ServerResponse } from 'node:http';
import type { PodLogs } from '../api-types.ts';
import type { Engine } from '../engine/engine.ts';
import { asArray, asObject } from '../json.ts';
import { badRequest, notFound } from '../status-errors.ts';
import { isTrue, positiveInteger } from './query.ts';
import type { Target } from './route.ts';

/** Streams a pod's log as text. 400 in the kubelet's words when there is none yet. */
export async function streamPodLog(
  engine: Engine,
  target: Target,
  query: URLSearchParams,
  response: ServerResponse,
  podLogs: PodLogs | undefined,
): Promise<void> {
  const { def, namespace = '', name = '' } = target;
  const pod = engine.get(def, namespace, name);
  const [container] = asArray(asObject(pod.spec)['containers']).map(asObject);
  const wanted = query.get('container') ?? '';
  if (wanted !== '' && wanted !== container?.['name'])
    throw badRequest(`container ${wanted} is not valid for pod ${name}`);
  const tailLines = positiveInteger(query, 'tailLines');
  const sinceSeconds = positiveInteger(query, 'sinceSeconds');
  const limitBytes = positiveInteger(query, 'limitBytes');
  if (podLogs === undefined) throw notFound(def, name);
  const lines = podLogs(namespace, name, {
    follow: isTrue(query, 'follow'),
    previous: isTrue(query, 'previous'),
    timestamps: isTrue(query, 'timestamps'),
    ...(tailLines === undefined ? {} : { tailLines }),
    ...(sinceSeconds === undefined ? {} : { sinceSeconds }),
    ...(limitBytes === undefined ? {} : { limitBytes }),
  });
  if (lines === null) {
    const why =
      query.get('previous') === 'true'
        ? 'previous terminated container not found'
        : 'is waiting to start: ContainerCreating';
    throw badRequest(`container "${String(container?.['name'] ?? '')}" in pod "${name}" ${why}`);
  }
  response.writeHead(200, { 'content-type': 'text/plain' });
  response.flushHeaders();
  let closed = false;
  response.on('close', () => {
    closed = true;
  });
  for await (const chunk of lines) {
    if (closed) break;
    if (!response.write(chunk))
      await new Promise<void>((resolve) => response.once('drain', resolve).once('close', resolve));
  }
  response.end();
}
