import { randomUUID } from 'node:crypto';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Logger } from 'pino';
import type { KubeStore, PodLogs } from './api-types.ts';
import { CrdController } from './controllers/crd-controller.ts';
import { EventExpiry } from './controllers/event-expiry.ts';
import { GarbageCollector } from './controllers/garbage-collector.ts';
import { NamespaceController } from './controllers/namespace-controller.ts';
import { Engine } from './engine/engine.ts';
import { Registry } from './engine/registry.ts';
import { Listener } from './http/listener.ts';
import { InProcessStore } from './in-process.ts';
import { ObjectStore } from './store/object-store.ts';

/** The real server bookmarks about once a minute. */
const BOOKMARK_EVERY_MS = 30_000;
/** Idle connections of clients are kept so long. */
const KEEP_ALIVE_MS = 120_000;

export interface KubeApiOptions {
  /** Folder of the state; made when absent. One server a folder. */
  readonly dataDir: string;
  /** Loopback only; default 127.0.0.1. */
  readonly host?: string;
  /** 0 takes any free port. */
  readonly port: number;
  readonly token: string;
  readonly tls: { readonly certPem: string; readonly keyPem: string };
  readonly logger: Logger;
  readonly podLogs?: PodLogs;
  /** Milliseconds between bookmarks; tests shorten it. */
  readonly bookmarkEveryMs?: number;
  /** Changes that a watch can look back on. */
  readonly eventHistoryLimit?: number;
}

export interface KubeApi {
  readonly url: string;
  readonly port: number;
  readonly store: KubeStore;
  close(): Promise<void>;
}

const isLoopback = (host: string): boolean =>
  host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host);

/**
 * Starts the embedded Kubernetes API server (HTTPS, bearer token).
 * @throws when the host is not a loopback address, or the port is taken (EADDRINUSE).
 */
export async function startKubeApi(options: KubeApiOptions): Promise<KubeApi> {
  const host = options.host ?? '127.0.0.1';
  if (!isLoopback(host)) throw new Error(`kube-api: host ${host} is not a loopback address; use 127.0.0.1`);
  const objects = new ObjectStore(options.dataDir, options.eventHistoryLimit);
  const environment = {
    now: () => new Date().toISOString().replace(/\.\d+Z$/, 'Z'),
    random: () => Math.random(),
    uuid: () => randomUUID(),
  };
  const engine = new Engine(objects, new Registry(), environment);
  const controllers = [
    new CrdController(engine),
    new GarbageCollector(engine),
    new NamespaceController(engine),
    new EventExpiry(engine),
  ];
  const closing = new AbortController();
  const listener = new Listener(engine, {
    token: options.token,
    logger: options.logger,
    ...(options.podLogs && { podLogs: options.podLogs }),
    bookmarkEveryMs: options.bookmarkEveryMs ?? BOOKMARK_EVERY_MS,
    closing: closing.signal,
  });
  const server = createServer(
    { cert: options.tls.certPem, key: options.tls.keyPem, keepAliveTimeout: KEEP_ALIVE_MS },
    (request, response) => {
      void listener.answer(request, response);
    },
  );
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, host, resolve);
  });
  const { port } = server.address() as AddressInfo;
  const url = `https://${host === '::1' ? '[::1]' : host}:${port}`;
  options.logger.info({ url }, 'kube-api: listening');
  const close = async (): Promise<void> => {
    closing.abort();
    for (const controller of controllers) controller.close();
    await new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
    objects.close();
  };
  return { url, port, store: new InProcessStore(engine), close };
}
