import { status, type ServiceError } from '@grpc/grpc-js';

/** Refusals of our own servers: their words are meant for people. */
const OUR_WORDS: readonly status[] = [status.UNAUTHENTICATED, status.FAILED_PRECONDITION, status.ABORTED];

const CAUSES: readonly (readonly [RegExp, string])[] = [
  [/ECONNREFUSED/, 'the connection was refused'],
  [/EHOSTUNREACH|ENETUNREACH|EHOSTDOWN/, 'there is no way to its address'],
  [/ENOTFOUND|EAI_AGAIN|name resolution/i, 'its address is not known'],
  [/ETIMEDOUT|keepalive|ping timeout/i, 'it went silent'],
  [
    /ECONNRESET|EPIPE|RST_STREAM|GOAWAY|connection dropped|socket hang up|channel has been shut down/i,
    'the connection broke',
  ],
];

/** Why a stream failed, without the library's words. */
export function plainReason(error: Pick<ServiceError, 'code' | 'details' | 'message'>): string {
  const text = error.details || error.message;
  if (OUR_WORDS.includes(error.code)) return text;
  return CAUSES.find(([pattern]) => pattern.test(text))?.[1] ?? 'the connection failed';
}
