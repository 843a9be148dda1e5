import { EventEmitter } from 'node:events';
import type { Process } from '../kernel.ts';
import type { Listener } from '../network.ts';
import { activeKernel, activeProcess } from './globals.ts';
import { activeNetwork } from './grpc.ts';

type Done = (error: Error | null) => void;
type Receive = (message: Buffer, from: { address: string; port: number; family: 'IPv4'; size: number }) => void;

/** In the place of node:dgram: datagrams over the simulated network. */
export class Socket extends EventEmitter {
  #process: Process = activeProcess();
  #address = '';
  #port = 0;
  #listener: Listener | null = null;

  bind(...args: unknown[]): this {
    const options = typeof args[0] === 'object' && args[0] !== null ? args[0] : { port: args[0], address: args[1] };
    const { port, address } = options as { port?: number; address?: string };
    this.#port = Number(port ?? 0);
    this.#address = String(address ?? '');
    const receive: Receive = (message, from) => this.emit('message', message, from);
    this.#listener = { process: this.#process, accept: receive };
    activeNetwork().listen(`udp:${this.#address}:${this.#port}`, this.#listener);
    const done = args.find((arg) => typeof arg === 'function');
    activeKernel().after(0, this.#process, () => {
      this.emit('listening');
      if (typeof done === 'function') done();
    });
    return this;
  }

  send(message: Uint8Array, ...rest: unknown[]): void {
    const numbers = rest.filter((arg) => typeof arg === 'number');
    const port = numbers.at(-1) ?? 0;
    const to = rest.find((arg) => typeof arg === 'string') ?? '';
    const done = rest.find((arg): arg is Done => typeof arg === 'function');
    const bytes = Buffer.from(message);
    const network = activeNetwork();
    const from = { address: this.#address, port: this.#port, family: 'IPv4' as const, size: bytes.length };
    network.datagram(this.#address, String(to), () => {
      const listener = network.listenerAt(`udp:${String(to)}:${port}`);
      if (listener === undefined) return;
      const receive = listener.accept as Receive;
      activeKernel().after(0, listener.process, () => receive(bytes, from));
    });
    if (done) activeKernel().after(0, this.#process, () => done(null));
  }

  close(done?: () => void): this {
    if (this.#listener) activeNetwork().unlisten(`udp:${this.#address}:${this.#port}`, this.#listener);
    this.#listener = null;
    activeKernel().after(0, this.#process, () => {
      this.emit('close');
      done?.();
    });
    return this;
  }

  address(): { address: string; port: number; family: string } {
    return { address: this.#address, port: this.#port, family: 'IPv4' };
  }

  ref(): this {
    return this;
  }

  unref(): this {
    return this;
  }

  setRecvBufferSize(): void {
    return;
  }

  setSendBufferSize(): void {
    return;
  }
}

export function createSocket(_options: unknown, onMessage?: Receive): Socket {
  const socket = new Socket();
  if (onMessage) socket.on('message', onMessage);
  return socket;
}

export default { createSocket, Socket };
