import { readFileSync } from 'node:fs';
import { dirname, isAbsolute, resolve } from 'node:path';
import { parse } from 'yaml';
import { isObject, objectsAt, textAt, type JsonObject } from './json.ts';

/** What one request needs to be trusted and to trust. */
export interface Credentials {
  headers: Record<string, string>;
  ca?: string | Buffer;
  cert?: string | Buffer;
  key?: string | Buffer;
  rejectUnauthorized?: boolean;
  servername?: string;
}

/** Where the API server is and how to speak to it. */
export interface Connection {
  /** Base URL without trailing slash. */
  server: string;
  /** Namespace of the context or of the operator's own pod. */
  namespace: string;
  /** Fresh credentials; tokens in files are read again at most every 60 s. */
  credentials(): Promise<Credentials>;
}

const SERVICE_ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount';
const TOKEN_MAX_AGE_MS = 60_000;

/**
 * The API server named by `kubeconfig` (a path), or the one whose pod this is. The common ways to authenticate (token,
 * token file, client certificate) are read here; any other (exec plugin, auth provider, proxy) loads
 * @kubernetes/client-node, which costs 85 MB of memory (docs/decisions). Throws with a sentence when there is neither.
 */
export async function loadConnection(
  kubeconfig: string | undefined,
  env: NodeJS.ProcessEnv,
  now: () => number = Date.now,
): Promise<Connection> {
  if (kubeconfig !== undefined && kubeconfig !== '') {
    const config = readKubeconfig(kubeconfig);
    return needsClient(config)
      ? (await import('./client-credentials.ts')).clientConnection(kubeconfig)
      : fromFile(config, now);
  }
  const host = env['KUBERNETES_SERVICE_HOST'];
  if (!host) {
    throw new Error(
      'no API server: set KUBECONFIG to the path of a kubeconfig, or run in a pod with a service account',
    );
  }
  return fromServiceAccount(host, env['KUBERNETES_SERVICE_PORT'] ?? '443', now);
}

interface Kubeconfig {
  path: string;
  cluster: JsonObject;
  user: JsonObject;
  namespace: string;
}

function readKubeconfig(path: string): Kubeconfig {
  let json: unknown;
  try {
    json = parse(readFileSync(path, 'utf8'));
  } catch (error) {
    throw new Error(`KUBECONFIG ${path} cannot be read: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    });
  }
  const named = (list: string, member: string, name: string): JsonObject => {
    const found = objectsAt(json, list).find((entry) => entry['name'] === name)?.[member];
    if (!isObject(found)) throw new Error(`KUBECONFIG ${path} has no ${member} "${name}"`);
    return found;
  };
  const context = named('contexts', 'context', textAt(json, 'current-context'));
  const userName = textAt(context, 'user');
  return {
    path,
    cluster: named('clusters', 'cluster', textAt(context, 'cluster')),
    user: userName === '' ? {} : named('users', 'user', userName),
    namespace: textAt(context, 'namespace') || 'default',
  };
}

function needsClient({ cluster, user }: Kubeconfig): boolean {
  return ['exec', 'auth-provider', 'username', 'as'].some((member) => member in user) || 'proxy-url' in cluster;
}

function fromFile({ path, cluster, user, namespace }: Kubeconfig, now: () => number): Connection {
  const fixed: Omit<Credentials, 'headers'> = {};
  const ca = dataOrFile(path, cluster, 'certificate-authority');
  const cert = dataOrFile(path, user, 'client-certificate');
  const key = dataOrFile(path, user, 'client-key');
  if (ca) fixed.ca = ca;
  if (cert) fixed.cert = cert;
  if (key) fixed.key = key;
  if (cluster['insecure-skip-tls-verify'] === true) fixed.rejectUnauthorized = false;
  const servername = textAt(cluster, 'tls-server-name');
  if (servername !== '') fixed.servername = servername;
  const tokenFile = textAt(user, 'tokenFile');
  const token = tokenFile === '' ? () => textAt(user, 'token') : tokenReader(beside(path, tokenFile), now);
  const server = textAt(cluster, 'server').replace(/\/+$/, '');
  if (!/^https?:\/\//.test(server)) throw new Error(`KUBECONFIG ${path}: cluster.server is not an http(s) URL`);
  return { server, namespace, credentials: () => Promise.resolve({ ...fixed, headers: bearer(token()) }) };
}

function fromServiceAccount(host: string, port: string, now: () => number): Connection {
  const token = tokenReader(`${SERVICE_ACCOUNT}/token`, now);
  const ca = readFileSync(`${SERVICE_ACCOUNT}/ca.crt`);
  return {
    server: `https://${host.includes(':') ? `[${host}]` : host}:${port}`,
    namespace: readFileSync(`${SERVICE_ACCOUNT}/namespace`, 'utf8').trim(),
    credentials: () => Promise.resolve({ ca, headers: bearer(token()) }),
  };
}

function bearer(token: string): Record<string, string> {
  return token === '' ? {} : { authorization: `Bearer ${token}` };
}

/** Kubernetes rotates projected tokens: the file is read again when it is older than a minute in memory. */
function tokenReader(file: string, now: () => number): () => string {
  let cached: { token: string; readAt: number } | undefined;
  return () => {
    if (cached === undefined || now() - cached.readAt > TOKEN_MAX_AGE_MS) {
      cached = { token: readFileSync(file, 'utf8').trim(), readAt: now() };
    }
    return cached.token;
  };
}

function dataOrFile(path: string, entry: JsonObject, member: string): Buffer | undefined {
  const data = textAt(entry, `${member}-data`);
  if (data !== '') return Buffer.from(data, 'base64');
  const file = textAt(entry, member);
  return file === '' ? undefined : readFileSync(beside(path, file));
}

function beside(path: string, file: string): string {
  return isAbsolute(file) ? file : resolve(dirname(path), file);
}
