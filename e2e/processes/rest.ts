import { request } from 'node:http';
import { eventually } from './embedded.ts';

/** What the REST edge said; `result` and `error` as the dialect's envelope has them. */
export interface Answer {
  readonly status: number;
  readonly text: string;
  readonly result: unknown;
  /** status.error, '' when there is none. */
  readonly error: string;
  /** The field that was wrong, '' when none is named. */
  readonly field: string;
}

const ANSWER_TIMEOUT_MS = 60_000;

/**
 * One request, its path exactly as given (fetch would tidy `..` away) and its body as text or JSON. An answer that comes before the
 * whole body is sent counts: the server may refuse early.
 */
export function rest(base: string, method: string, path: string, body?: unknown): Promise<Answer> {
  const { hostname, port } = new URL(base);
  const text = body === undefined || typeof body === 'string' ? body : JSON.stringify(body);
  const headers = text === undefined ? {} : { 'content-type': 'application/json' };
  return new Promise((resolve, reject) => {
    const sent = request({ hostname, port, method, path, headers, timeout: ANSWER_TIMEOUT_MS }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => resolve(answer(response.statusCode ?? 0, Buffer.concat(chunks).toString('utf8'))));
    });
    sent.on('error', reject);
    sent.on('timeout', () => sent.destroy(new Error(`${method} ${path}: no answer in ${ANSWER_TIMEOUT_MS / 1000} s`)));
    sent.end(text);
  });
}

interface Envelope {
  readonly result?: unknown;
  readonly field?: string;
  readonly status?: { readonly error?: string } | string;
}

function answer(status: number, text: string): Answer {
  let said: Envelope = {};
  try {
    said = JSON.parse(text) as Envelope;
  } catch {
    // Probes and metrics answer in plain text.
  }
  const error = typeof said.status === 'object' ? (said.status.error ?? '') : '';
  return { status, text, result: said.result, error, field: said.field ?? '' };
}

/** The same, for requests that must succeed: gives the result, throws with the server's sentence. */
export async function ask<T>(base: string, method: string, path: string, body?: unknown): Promise<T> {
  const { status, text, result } = await rest(base, method, path, body);
  if (status !== 200) throw new Error(`${method} ${path}: ${status} ${text.slice(0, 500)}`);
  return result as T;
}

/** Creates a collection as soon as the cluster can, and waits until all its copies are in sync. */
export async function createCollection(base: string, name: string, config: object): Promise<void> {
  const path = `/collections/${encodeURIComponent(name)}`;
  await eventually(`collection ${name} can be created`, 60_000, async () => {
    const { exists } = await ask<{ exists: boolean }>(base, 'GET', `${path}/exists`);
    return exists ? true : ask<boolean>(base, 'PUT', path, config);
  });
  await waitUntilGreen(base, name);
}

/** Waits until a collection says that all its copies are in sync. */
export async function waitUntilGreen(base: string, name: string): Promise<void> {
  await eventually(`collection ${name} is green`, 60_000, async () => {
    const { status } = await ask<{ status: string }>(base, 'GET', `/collections/${encodeURIComponent(name)}`);
    return status === 'green' ? true : null;
  });
}
