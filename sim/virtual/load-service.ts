import { Client } from './grpc.ts';

/** In the place of proto/load-service.ts: services without serialisation. */
export const MAX_MESSAGE_BYTES = 64 * 1024 * 1024;

interface ServiceClient {
  new (...args: ConstructorParameters<typeof Client>): Client & Record<string, (metadata: unknown) => unknown>;
  service: Record<string, { path: string; requestSerialize: null; responseDeserialize: null }>;
}

const METHODS: Record<string, string> = { Peer: 'Exchange', Control: 'Session' };

export function loadServiceClient(_file: string, service: string): ServiceClient {
  const method = METHODS[service] ?? 'None';
  const path = `/${service}/${method}`;
  class Made extends Client {
    static service = { [method]: { path, requestSerialize: null, responseDeserialize: null } };
    [method](metadata: unknown): unknown {
      return this.makeBidiStreamRequest(path, null, null, metadata);
    }
  }
  return Made as unknown as ServiceClient;
}
