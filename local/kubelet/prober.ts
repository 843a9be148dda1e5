import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { connect } from 'node:net';
import type { ProbeSpec } from './pod-spec.ts';

export interface ProbeAnswer {
  readonly ok: boolean;
  /** In the kubelet's words, when not ok. */
  readonly message: string;
}

/** Asks once. `port` looks names of ports up. Never rejects. */
export function probe(
  spec: ProbeSpec,
  podIP: string,
  port: (name: string) => number | undefined,
): Promise<ProbeAnswer> {
  const { handler } = spec;
  const number = typeof handler.port === 'number' ? handler.port : port(handler.port);
  if (number === undefined) return Promise.resolve({ ok: false, message: `couldn't find port: ${handler.port}` });
  const host = handler.host || podIP;
  const timeoutMs = spec.timeoutSeconds * 1000;
  if (handler.kind === 'tcp') return probeTcp(host, number, timeoutMs);
  const url = `${handler.tls ? 'https' : 'http'}://${host}:${number}${handler.path}`;
  return probeHttp(url, handler.headers, timeoutMs);
}

function probeHttp(url: string, headers: Readonly<Record<string, string>>, timeoutMs: number): Promise<ProbeAnswer> {
  return new Promise((resolve) => {
    const options = { headers: { 'user-agent': 'annulus-kubelet', connection: 'close', ...headers } };
    const signal = AbortSignal.timeout(timeoutMs);
    const failed = (error: Error): void =>
      resolve({ ok: false, message: `Get "${url}": ${signal.aborted ? 'deadline exceeded' : error.message}` });
    const made = url.startsWith('https:')
      ? httpsRequest(url, { ...options, signal, agent: false, rejectUnauthorized: false })
      : httpRequest(url, { ...options, signal, agent: false });
    made.on('error', failed);
    made.on('response', (response) => {
      const status = response.statusCode ?? 0;
      response.on('error', () => undefined);
      response.resume();
      const ok = status >= 200 && status < 400;
      resolve({ ok, message: ok ? '' : `HTTP probe failed with statuscode: ${status}` });
    });
    made.end();
  });
}

function probeTcp(host: string, port: number, timeoutMs: number): Promise<ProbeAnswer> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: timeoutMs });
    const done = (ok: boolean, message: string): void => {
      socket.destroy();
      resolve({ ok, message });
    };
    socket.on('connect', () => done(true, ''));
    socket.on('timeout', () => done(false, `dial tcp ${host}:${port}: i/o timeout`));
    socket.on('error', (error) => done(false, `dial tcp ${host}:${port}: ${error.message}`));
  });
}
