import type { ServerDuplexStream, UntypedServiceImplementation } from '@grpc/grpc-js';
import { Metadata } from '@grpc/grpc-js';
import { AnnulusError } from '#model/errors.ts';
import { NODE_KEY, refusePeer } from './auth.ts';
import type {
  PeerHandlers,
  PeerRequests,
  RepliesMessage,
  ReplyFrame,
  RequestFrame,
  RequestKind,
  RequestsMessage,
} from './messages.ts';
import { approximateBytes, Outbox } from './outbox.ts';
import { loadServiceClient } from '#proto/load-service.ts';
import { encodeError } from './shard-codec.ts';

const MAX_RUNNING_REQUESTS = 10_000;
const MAX_QUEUED_REPLY_BYTES = 64 * 1024 * 1024;

export const peerService = loadServiceClient('node.proto', 'Peer').service;

export interface PeerServerOptions {
  token: string;
  clusterUID: string;
  handlers: PeerHandlers;
  mapVersion(): number;
  /** Called with the version that the dialling node says. */
  onMapVersion(node: string, version: number): void;
}

type Exchange = ServerDuplexStream<RequestsMessage, RepliesMessage>;

/** Implementation of service Peer. Handlers of one stream are started in the order of their requests: replication relies on it. */
export function peerServer(options: PeerServerOptions): UntypedServiceImplementation {
  return {
    Exchange(call: Exchange) {
      const refused = refusePeer(call.metadata, options.token, options.clusterUID);
      if (refused) {
        call.emit('error', { ...refused, name: 'Refused', message: refused.details });
        return;
      }
      serve(call, options);
    },
  };
}

function serve(call: Exchange, options: PeerServerOptions): void {
  const node = String(call.metadata.get(NODE_KEY)[0] ?? '');
  let running = 0;
  let open = true;
  const outbox = new Outbox<ReplyFrame>({
    write: (replies) => call.write({ mapVersion: options.mapVersion(), replies }),
  });
  call.sendMetadata(new Metadata());
  outbox.resume();
  call.on('drain', () => {
    outbox.resume();
    call.resume();
  });
  const reply = (frame: ReplyFrame, bytes: number): void => {
    if (!open) return;
    outbox.push(frame, bytes);
    if (outbox.bytes > MAX_QUEUED_REPLY_BYTES) call.pause();
  };
  call.on('data', (message: RequestsMessage) => {
    options.onMapVersion(node, message.mapVersion);
    if (message.requests.length === 0) call.write({ mapVersion: options.mapVersion(), replies: [] });
    for (const request of message.requests) {
      if (running >= MAX_RUNNING_REQUESTS) {
        const error = new AnnulusError(
          'ANN_OVERLOADED',
          `over ${MAX_RUNNING_REQUESTS} requests of one node are running`,
        );
        reply({ id: request.id, error: encodeError(error) }, 64);
        continue;
      }
      running++;
      void answer(request, options.handlers).then((frame) => {
        running--;
        reply(frame, approximateBytes(frame));
      });
    }
  });
  const stop = (): void => {
    open = false;
    outbox.clear();
  };
  call.on('cancelled', stop);
  call.on('error', stop);
  call.on('end', () => {
    stop();
    call.end();
  });
}

/** Never rejects. */
async function answer(request: RequestFrame, handlers: PeerHandlers): Promise<ReplyFrame> {
  const kind = request.body;
  try {
    if (!kind || !(kind in handlers)) {
      throw new AnnulusError('ANN_UNSUPPORTED', 'a peer sent a request of unknown kind: upgrade this node');
    }
    return { id: request.id, [kind]: await dispatch(handlers, kind, request) };
  } catch (error) {
    return { id: request.id, error: encodeError(error) };
  }
}

function dispatch<K extends RequestKind>(handlers: PeerHandlers, kind: K, request: RequestFrame): Promise<unknown> {
  // The decoder has checked the field of the oneof against the schema of its kind.
  return handlers[kind](request[kind] as PeerRequests[K], request.timeoutMs);
}
