import http from 'node:http';
import https from 'node:https';
import type { Connection, Credentials } from './credentials.ts';
import { KubeUnreachable } from './errors.ts';

/** A request to the API server. */
export interface ApiRequest {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Path and query. */
  path: string;
  body?: string;
  contentType?: string;
  /** The whole answer must be there by then; for streams: the headers. */
  timeoutMs: number;
  signal?: AbortSignal;
  /** Called when the connection is there, right before anything is sent: throws when it must not be sent any more. */
  permit?: () => void;
}

export interface ApiAnswer {
  status: number;
  body: string;
}

/** A watch's answer: either lines of JSON, or (status not 200) a refusal's body. */
export interface ApiStream {
  status: number;
  lines: AsyncIterable<string>;
  close(): void;
}

/** Speaks HTTP/1.1 to the API server over few kept connections. */
export interface Transport {
  request(request: ApiRequest): Promise<ApiAnswer>;
  stream(request: ApiRequest): Promise<ApiStream>;
  close(): void;
}

/** Bodies over this are refused: a page of 500 objects at the API's limit of 1.5 MB each never gets near it in practice. */
const MAX_BODY_BYTES = 256 * 1024 * 1024;
const MAX_LINE_BYTES = 16 * 1024 * 1024;
const MAX_SOCKETS = 32;
const KEEP_ALIVE_MS = 30_000;

/**
 * Node's own http and https agents: connections are kept (client-node opens one a request), HTTP/2 is never negotiated,
 * and undici's 20 MB stay unloaded.
 */
export function createTransport(connection: Connection): Transport {
  return new HttpTransport(connection);
}

class HttpTransport implements Transport {
  readonly #connection: Connection;
  readonly #base: URL;
  readonly #agent: http.Agent;

  constructor(connection: Connection) {
    this.#connection = connection;
    this.#base = new URL(connection.server);
    const options = { keepAlive: true, keepAliveMsecs: KEEP_ALIVE_MS, maxSockets: MAX_SOCKETS, maxFreeSockets: 4 };
    this.#agent = this.#base.protocol === 'https:' ? new https.Agent(options) : new http.Agent(options);
  }

  async request(request: ApiRequest): Promise<ApiAnswer> {
    const limit = limitOf(request);
    try {
      const answer = await this.#open(request, limit.signal);
      return { status: answer.statusCode ?? 0, body: await readBody(answer) };
    } catch (error) {
      throw unreachable(request, limit.expired() ? `no answer in ${request.timeoutMs} ms` : error);
    } finally {
      limit.lift();
    }
  }

  async stream(request: ApiRequest): Promise<ApiStream> {
    const limit = limitOf(request);
    try {
      const answer = await this.#open(request, limit.signal);
      limit.liftDeadline();
      answer.once('close', limit.lift);
      return { status: answer.statusCode ?? 0, lines: linesOf(answer), close: () => answer.destroy() };
    } catch (error) {
      limit.lift();
      throw unreachable(request, error);
    }
  }

  close(): void {
    this.#agent.destroy();
  }

  /** A kept connection may have been closed by the server meanwhile: that one failure is retried on a new connection. */
  async #open(request: ApiRequest, signal: AbortSignal): Promise<http.IncomingMessage> {
    const credentials = await this.#connection.credentials();
    try {
      return await this.#send(request, credentials, signal);
    } catch (error) {
      if (request.method === 'POST' || !isStaleSocket(error) || signal.aborted) throw error;
      return this.#send(request, credentials, signal);
    }
  }

  #send(request: ApiRequest, credentials: Credentials, signal: AbortSignal): Promise<http.IncomingMessage> {
    const { headers, ...tls } = credentials;
    const { protocol, hostname, port, pathname } = this.#base;
    const options: https.RequestOptions = {
      ...tls,
      agent: this.#agent,
      signal,
      method: request.method,
      host: hostname.replace(/^\[|\]$/g, ''),
      port,
      path: pathname.replace(/\/$/, '') + request.path,
      headers: { ...headers, accept: 'application/json', 'user-agent': 'annulus-operator', ...bodyHeaders(request) },
    };
    return new Promise((resolve, reject) => {
      const sent = protocol === 'https:' ? https.request(options, resolve) : http.request(options, resolve);
      sent.on('error', (error) => reject(Object.assign(error, { staleSocket: sent.reusedSocket })));
      const { permit } = request;
      if (permit === undefined) {
        sent.end(request.body);
        return;
      }
      onceConnected(sent, protocol === 'https:', () => {
        try {
          permit();
          sent.end(request.body);
        } catch (error) {
          sent.destroy(error instanceof Error ? error : new Error(String(error)));
        }
      });
    });
  }
}

function onceConnected(sent: http.ClientRequest, secure: boolean, then: () => void): void {
  sent.once('socket', (socket) => {
    if (sent.reusedSocket || (!secure && !socket.connecting)) then();
    else socket.once(secure ? 'secureConnect' : 'connect', then);
  });
}

function bodyHeaders({ body, contentType }: ApiRequest): http.OutgoingHttpHeaders {
  if (body === undefined) return {};
  return { 'content-type': contentType ?? 'application/json', 'content-length': Buffer.byteLength(body) };
}

interface Limit {
  signal: AbortSignal;
  expired: () => boolean;
  liftDeadline: () => void;
  lift: () => void;
}

/** Deadline and caller's signal in one. Lifted by hand: AbortSignal.timeout and any would live on for the whole deadline. */
function limitOf({ timeoutMs, signal }: ApiRequest): Limit {
  const controller = new AbortController();
  const abort = (): void => controller.abort();
  let expired = false;
  const timer = setTimeout(() => {
    expired = true;
    abort();
  }, timeoutMs);
  if (signal?.aborted) abort();
  signal?.addEventListener('abort', abort);
  const liftDeadline = (): void => clearTimeout(timer);
  const lift = (): void => {
    liftDeadline();
    signal?.removeEventListener('abort', abort);
  };
  return { signal: controller.signal, expired: () => expired, liftDeadline, lift };
}

function unreachable(request: ApiRequest, cause: unknown): KubeUnreachable {
  return new KubeUnreachable(`${request.method} ${request.path.split('?')[0]}`, cause);
}

function isStaleSocket(error: unknown): boolean {
  return typeof error === 'object' && error !== null && 'staleSocket' in error && error.staleSocket === true;
}

async function readBody(answer: http.IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > MAX_BODY_BYTES) throw new Error(`the answer is over ${MAX_BODY_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

async function* linesOf(answer: http.IncomingMessage): AsyncIterable<string> {
  let rest: Buffer[] = [];
  let restBytes = 0;
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    let start = 0;
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, start)) {
      rest.push(chunk.subarray(start, end));
      const line = Buffer.concat(rest).toString('utf8');
      rest = [];
      restBytes = 0;
      start = end + 1;
      if (line.trim() !== '') yield line;
    }
    rest.push(chunk.subarray(start));
    restBytes += chunk.length - start;
    if (restBytes > MAX_LINE_BYTES) throw new Error(`a watch line is over ${MAX_LINE_BYTES} bytes`);
  }
  const line = Buffer.concat(rest).toString('utf8');
  if (line.trim() !== '') yield line;
}
