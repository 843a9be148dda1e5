import { Agent, request } from 'node:https';
import type { IncomingMessage } from 'node:http';
import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { asArray, asObject, asString } from '../json.ts';
import type { Json, JsonObject } from '../json.ts';

/** How to reach one API server: a token, or a client certificate. PEM texts. */
export interface Access {
  readonly url: string;
  readonly caPem: string;
  readonly token?: string;
  readonly certPem?: string;
  readonly keyPem?: string;
}

export interface Answer {
  readonly code: number;
  readonly body: JsonObject;
  readonly text: string;
  readonly headers: IncomingMessage['headers'];
}

export interface CallOptions {
  readonly body?: Json;
  readonly contentType?: string;
  readonly accept?: string;
}

const REQUEST_TIMEOUT_MS = 20_000;
const USER_AGENT = 'annulus-contract/1';

const data = (value: unknown): string => Buffer.from(asString(value), 'base64').toString('utf8');

/** Access as a kubeconfig's current context gives it (embedded certificate data only). */
export function accessFromKubeconfig(path: string): Access {
  const config = asObject(parse(readFileSync(path, 'utf8')));
  const named = (list: unknown, name: unknown, member: string): JsonObject =>
    asObject(
      asArray(list)
        .map(asObject)
        .find((entry) => entry['name'] === name)?.[member],
    );
  const context = named(config['contexts'], config['current-context'], 'context');
  const cluster = named(config['clusters'], context['cluster'], 'cluster');
  const user = named(config['users'], context['user'], 'user');
  const file = (value: unknown): string => (typeof value === 'string' ? readFileSync(value, 'utf8') : '');
  return {
    url: asString(cluster['server']),
    caPem: data(cluster['certificate-authority-data']) || file(cluster['certificate-authority']),
    ...(typeof user['token'] === 'string' ? { token: user['token'] } : {}),
    certPem: data(user['client-certificate-data']) || file(user['client-certificate']),
    keyPem: data(user['client-key-data']) || file(user['client-key']),
  };
}

/** The tiniest client that can say everything to a Kubernetes API server. */
export class ContractClient {
  private readonly access: Access;
  private readonly agent: Agent;

  constructor(access: Access) {
    this.access = access;
    this.agent = new Agent({
      keepAlive: true,
      ca: access.caPem,
      ...(access.certPem ? { cert: access.certPem, key: access.keyPem } : {}),
    });
  }

  close(): void {
    this.agent.destroy();
  }

  async call(method: string, path: string, options: CallOptions = {}): Promise<Answer> {
    const response = await this.open(method, path, options);
    const chunks: Buffer[] = [];
    for await (const chunk of response as AsyncIterable<Buffer>) chunks.push(chunk);
    const text = Buffer.concat(chunks).toString('utf8');
    // Some JSON answers call themselves plain text; a watch is many answers.
    const isObject = text.startsWith('{') && !path.includes('watch=');
    return {
      code: response.statusCode ?? 0,
      body: isObject ? asObject(JSON.parse(text)) : {},
      text,
      headers: response.headers,
    };
  }

  get(path: string, accept?: string): Promise<Answer> {
    return this.call('GET', path, accept === undefined ? {} : { accept });
  }
  post(path: string, body: Json): Promise<Answer> {
    return this.call('POST', path, { body });
  }
  put(path: string, body: Json): Promise<Answer> {
    return this.call('PUT', path, { body });
  }
  delete(path: string, body?: Json): Promise<Answer> {
    return this.call('DELETE', path, body === undefined ? {} : { body });
  }
  patch(path: string, body: Json, type: 'json' | 'merge' | 'strategic-merge'): Promise<Answer> {
    return this.call('PATCH', path, { body, contentType: `application/${type}-patch+json` });
  }
  apply(path: string, manager: string, body: Json, query = ''): Promise<Answer> {
    const url = `${path}?fieldManager=${manager}${query === '' ? '' : `&${query}`}`;
    return this.call('PATCH', url, { body, contentType: 'application/apply-patch+yaml' });
  }

  /** The events of a watch, as they come, until the caller stops or the server ends it. */
  async *watch(path: string): AsyncGenerator<JsonObject> {
    const response = await this.open('GET', path, {});
    let rest = '';
    try {
      for await (const chunk of response as AsyncIterable<Buffer>) {
        const lines = (rest + chunk.toString('utf8')).split('\n');
        rest = lines.pop() ?? '';
        for (const line of lines) if (line !== '') yield asObject(JSON.parse(line));
      }
      if (rest.trim() !== '') yield asObject(JSON.parse(rest));
    } finally {
      response.destroy();
    }
  }

  private open(method: string, path: string, { body, contentType, accept }: CallOptions): Promise<IncomingMessage> {
    const headers: Record<string, string> = { accept: accept ?? 'application/json', 'user-agent': USER_AGENT };
    if (this.access.token !== undefined) headers['authorization'] = `Bearer ${this.access.token}`;
    const text = body === undefined ? undefined : JSON.stringify(body);
    if (text !== undefined) {
      headers['content-type'] = contentType ?? 'application/json';
      headers['content-length'] = String(Buffer.byteLength(text));
    }
    return new Promise((resolve, reject) => {
      const outgoing = request(new URL(path, this.access.url), { method, headers, agent: this.agent }, resolve);
      outgoing.setTimeout(REQUEST_TIMEOUT_MS, () =>
        outgoing.destroy(new Error(`${method} ${path}: no answer in ${REQUEST_TIMEOUT_MS} ms`)),
      );
      outgoing.on('error', reject);
      outgoing.end(text);
    });
  }
}
