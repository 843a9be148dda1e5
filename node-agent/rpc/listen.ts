import type { Server, ServerCredentials } from '@grpc/grpc-js';

/** A port that this node needs is taken by another process. */
export class PortInUse extends Error {
  constructor(address: string, port: number) {
    super(`port ${port} on ${address} is in use by another process: end it, or set ANNULUS_BIND to another address`);
  }
}

/** Binds a gRPC server; throws PortInUse, or another error that names the address. */
export function listen(server: Server, address: string, port: number, credentials: ServerCredentials): Promise<void> {
  return new Promise((resolve, reject) => {
    const host = address.includes(':') ? `[${address}]` : address;
    server.bindAsync(`${host}:${port}`, credentials, (error) => {
      if (!error) resolve();
      else if (error.message.includes('EADDRINUSE')) reject(new PortInUse(address, port));
      else reject(new Error(`${host}:${port} cannot be bound: ${error.message}`));
    });
  });
}
