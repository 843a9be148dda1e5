import type { RequestOptions } from 'node:https';
import { KubeConfig } from '@kubernetes/client-node';
import type { Connection, Credentials } from './credentials.ts';

/** A connection whose credentials come from @kubernetes/client-node: exec plugins, auth providers, OIDC. */
export function clientConnection(kubeconfig: string): Connection {
  const config = new KubeConfig();
  config.loadFromFile(kubeconfig);
  const cluster = config.getCurrentCluster();
  if (cluster === null) throw new Error(`KUBECONFIG ${kubeconfig} has no current cluster`);
  if (cluster.proxyUrl) throw new Error(`KUBECONFIG ${kubeconfig}: proxy-url is not supported`);
  return {
    server: cluster.server.replace(/\/+$/, ''),
    namespace: config.getContextObject(config.getCurrentContext())?.namespace ?? 'default',
    credentials: async () => {
      const options: RequestOptions = {};
      await config.applyToHTTPSOptions(options);
      return toCredentials(options);
    },
  };
}

function toCredentials(options: RequestOptions): Credentials {
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(options.headers ?? {})) {
    if (typeof value === 'string') headers[name.toLowerCase()] = value;
  }
  if (typeof options.auth === 'string') {
    headers['authorization'] ??= `Basic ${Buffer.from(options.auth).toString('base64')}`;
  }
  const made: Credentials = { headers };
  for (const member of ['ca', 'cert', 'key'] as const) {
    const value = options[member];
    if (typeof value === 'string' || Buffer.isBuffer(value)) made[member] = value;
  }
  if (options.rejectUnauthorized === false) made.rejectUnauthorized = false;
  if (options.servername) made.servername = options.servername;
  return made;
}
