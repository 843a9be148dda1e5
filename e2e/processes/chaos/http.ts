import { Agent, request } from 'node:http';
import { asObject, asString, type Json } from '#local/kube-api/json.ts';

/** Connections to one node. */
const CONNECTIONS = 16;

/** What a node said. */
export interface Reply {
  readonly status: number;
  readonly result: Json | undefined;
  /** status.error, '' when there is none. */
  readonly error: string;
}

/** No whole answer came: what was asked may be done or not. */
export class NoAnswer extends Error {
  /** Whether the node can have seen the request. */
  readonly sent: boolean;

  constructor(message: string, sent: boolean) {
    super(message);
    this.name = 'NoAnswer';
    this.sent = sent;
  }
}

/** Plain HTTP with kept connections. */
export class Http {
  private readonly agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });

  /** Rejects with NoAnswer when the connection breaks or `timeoutMs` is over. */
  async call(base: string, method: string, path: string, body: Json | undefined, timeoutMs: number): Promise<Reply> {
    const text = body === undefined ? '' : JSON.stringify(body);
    const said = await this.send(new URL(base), method, path, text, timeoutMs);
    let json: Json = null;
    try {
      json = JSON.parse(said.text) as Json;
    } catch {
      // Probes and metrics answer in plain text.
      json = { result: said.text };
    }
    const { result, status } = asObject(json);
    return { status: said.status, result, error: asString(asObject(status)['error']) };
  }

  close(): void {
    this.agent.destroy();
  }

  private send(
    base: URL,
    method: string,
    path: string,
    text: string,
    timeoutMs: number,
  ): Promise<{ status: number; text: string }> {
    return new Promise((resolve, reject) => {
      let connected = false;
      const fail = (error: Error): void => {
        clearTimeout(timer);
        reject(new NoAnswer(`${method} ${base.hostname}${path}: ${error.message}`, connected));
      };
      const sent = request(
        {
          agent: this.agent,
          hostname: base.hostname,
          port: base.port,
          method,
          path,
          headers: text === '' ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) },
        },
        (response) => {
          const parts: Buffer[] = [];
          response.on('data', (part: Buffer) => parts.push(part));
          response.on('error', fail);
          response.on('aborted', () => fail(new Error('the answer was cut off')));
          response.on('end', () => {
            clearTimeout(timer);
            resolve({ status: response.statusCode ?? 0, text: Buffer.concat(parts).toString('utf8') });
          });
        },
      );
      const timer = setTimeout(() => sent.destroy(new Error(`no answer in ${timeoutMs} ms`)), timeoutMs);
      sent.on('socket', (socket) => {
        if (socket.connecting) socket.once('connect', () => (connected = true));
        else connected = true;
      });
      sent.on('error', fail);
      sent.end(text);
    });
  }
}
