import { Connection, type StreamEnd } from '../connection.ts';
import type { Listener, Network } from '../network.ts';
import { activeKernel, activeProcess } from './globals.ts';

/** In the place of @grpc/grpc-js: bidirectional streams over the simulated network, messages by reference. */

let network: Network | null = null;
let connections = new Set<Connection>();

/** The network of the world that runs now. */
export function useNetwork(used: Network | null): void {
  network = used;
  connections = new Set();
}

export function activeNetwork(): Network {
  if (network === null) throw new Error('there is no simulated network');
  return network;
}

/** Connections that are open at one end at least. */
export function openConnections(): Connection[] {
  for (const connection of connections) {
    if (connection.open) continue;
    connection.close();
    connections.delete(connection);
  }
  return [...connections];
}

export const status = {
  OK: 0,
  CANCELLED: 1,
  UNKNOWN: 2,
  INVALID_ARGUMENT: 3,
  DEADLINE_EXCEEDED: 4,
  NOT_FOUND: 5,
  ALREADY_EXISTS: 6,
  PERMISSION_DENIED: 7,
  RESOURCE_EXHAUSTED: 8,
  FAILED_PRECONDITION: 9,
  ABORTED: 10,
  OUT_OF_RANGE: 11,
  UNIMPLEMENTED: 12,
  INTERNAL: 13,
  UNAVAILABLE: 14,
  DATA_LOSS: 15,
  UNAUTHENTICATED: 16,
};
export const logVerbosity = { NONE: 3 };
export function setLogVerbosity(): void {
  return;
}
export const credentials = { createInsecure: (): null => null };
export const ServerCredentials = { createInsecure: (): null => null };

export class Metadata {
  #values = new Map<string, string>();
  set(key: string, value: string): void {
    this.#values.set(key, value);
  }
  get(key: string): string[] {
    const value = this.#values.get(key);
    return value === undefined ? [] : [value];
  }
}

type Frame = Record<string, unknown>;

/** What protobuf does with a oneof: `body` names the member that is set. */
function withBody(message: Frame, plain: readonly string[]): Frame {
  const body = Object.keys(message).find((key) => message[key] !== undefined && !plain.includes(key));
  return body === undefined ? message : { ...message, body };
}

const DECODERS: Record<string, { request: (m: Frame) => unknown; reply: (m: Frame) => unknown }> = {
  '/Peer/Exchange': {
    request: (m) => ({ ...m, requests: frames(m['requests'], ['id', 'timeoutMs', 'body']) }),
    reply: (m) => ({ ...m, replies: frames(m['replies'], ['id', 'body']) }),
  },
  '/Control/Session': { request: (m) => withBody(m, ['body']), reply: (m) => withBody(m, ['body']) },
};

function frames(list: unknown, plain: readonly string[]): Frame[] {
  return (list as Frame[]).map((frame) => withBody(frame, plain));
}

const SYN_AGAIN_MS = 1_000;

export class Client {
  readonly target: string;
  #streams = new Set<StreamEnd>();

  constructor(target: string, _credentials?: unknown, _options?: unknown) {
    this.target = target;
  }

  makeBidiStreamRequest(path: string, _serialize: unknown, _deserialize: unknown, metadata: unknown): StreamEnd {
    const net = activeNetwork();
    const process = activeProcess();
    const { random } = net;
    const ip = this.target.slice(0, this.target.lastIndexOf(':'));
    const { request, reply } = DECODERS[path]!;
    const connection = new Connection(net, process, { ip, address: this.target }, (m) => reply(m as Frame));
    connections.add(connection);
    this.#streams.add(connection.client);
    const attempt = (): void => {
      if (!connection.client.open || !process.alive) return;
      if (net.blocked(process.ip, ip) || net.blocked(ip, process.ip)) {
        net.kernel.after(SYN_AGAIN_MS * random.between(0.9, 1.1), null, attempt);
        return;
      }
      const listener = net.listenerAt(`tcp:${this.target}`);
      if (listener === undefined) return connection.refuse();
      const handler = (listener.accept as Record<string, (call: StreamEnd) => void>)[path];
      if (handler === undefined) return connection.refuse();
      net.kernel.after(0, listener.process, () => {
        handler(connection.accept(listener.process, metadata, (m) => request(m as Frame)));
      });
    };
    net.kernel.after(net.delay(process.ip, ip), null, attempt);
    return connection.client;
  }

  close(): void {
    for (const stream of this.#streams) stream.cancel();
    this.#streams.clear();
  }
}

export class Server {
  #services: Record<string, (call: StreamEnd) => void> = {};
  #listeners = new Map<string, Listener>();

  addService(
    definition: Record<string, { path: string }>,
    implementation: Record<string, (call: never) => void>,
  ): void {
    for (const [name, { path }] of Object.entries(definition)) {
      const handler = implementation[name];
      if (handler) this.#services[path] = handler as (call: StreamEnd) => void;
    }
  }

  bindAsync(address: string, _credentials: unknown, done: (error: Error | null, port: number) => void): void {
    const process = activeProcess();
    const listener: Listener = { process, accept: this.#services };
    this.#listeners.set(`tcp:${address}`, listener);
    activeNetwork().listen(`tcp:${address}`, listener);
    activeKernel().after(0, process, () => done(null, Number(address.slice(address.lastIndexOf(':') + 1))));
  }

  tryShutdown(done: () => void): void {
    this.forceShutdown();
    activeKernel().after(0, activeProcess(), done);
  }

  forceShutdown(): void {
    for (const [address, listener] of this.#listeners) activeNetwork().unlisten(address, listener);
  }
}
