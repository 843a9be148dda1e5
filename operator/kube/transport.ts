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
  const base = new URL(connection.server);
  const secure = base.protocol === 'https:';
  const options = { keepAlive: true, keepAliveMsecs: KEEP_ALIVE_MS, maxSockets: MAX_SOCKETS, maxFreeSockets: 4 };
  const agent = secure ? new https.Agent(options) : new http.Agent(options);

  const open = (request: ApiRequest, credentials: Credentials, signal: AbortSignal): Promise<http.IncomingMessage> =>
    new Promise((resolve, reject) => {
      const { headers, ...tls } = credentials;
      const sent = (secure ? https : http).request(
        {
          ...tls,
          agent,
          signal,
          method: request.method,
          host: base.hostname.replace(/^\[|\]$/g, ''),
          port: base.port,
          path: base.pathname.replace(/\/$/, '') + request.path,
          headers: {
            ...headers,
            accept: 'application/json',
            'user-agent': 'annulus-operator',
            ...(request.body === undefined
              ? {}
              : {
                  'content-type': request.contentType ?? 'application/json',
                  'content-length': Buffer.byteLength(request.body),
                }),
          },
        },
        resolve,
      );
      sent.on('error', (error) => reject(Object.assign(error, { staleSocket: sent.reusedSocket })));
      sent.end(request.body);
    });

  /** A kept connection may have been closed by the server meanwhile: that one failure is retried on a new connection. */
  const openOnce = async (request: ApiRequest, signal: AbortSignal): Promise<http.IncomingMessage> => {
    const credentials = await connection.credentials();
    try {
      return await open(request, credentials, signal);
    } catch (error) {
      if (request.method === 'POST' || !isStaleSocket(error) || signal.aborted) throw error;
      return open(request, credentials, signal);
    }
  };

  return {
    request: async (request) => {
      const signals = [AbortSignal.timeout(request.timeoutMs), ...(request.signal ? [request.signal] : [])];
      try {
        const answer = await openOnce(request, AbortSignal.any(signals));
        return { status: answer.statusCode ?? 0, body: await readBody(answer) };
      } catch (error) {
        throw unreachable(request, signals[0]!.aborted ? `no answer in ${request.timeoutMs} ms` : error);
      }
    },
    stream: async (request) => {
      const abort = new AbortController();
      const deadline = setTimeout(() => abort.abort(), request.timeoutMs);
      const signal = request.signal ? AbortSignal.any([abort.signal, request.signal]) : abort.signal;
      try {
        const answer = await openOnce(request, signal);
        return { status: answer.statusCode ?? 0, lines: linesOf(answer), close: () => answer.destroy() };
      } catch (error) {
        throw unreachable(request, error);
      } finally {
        clearTimeout(deadline);
      }
    },
    close: () => agent.destroy(),
  };
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
