import type { MapCollection } from '#model/cluster-map.ts';
import { AnnulusError } from '#model/errors.ts';
import { DEFAULT_TIMEOUT_MS } from './limits.ts';
import type { ReadOptions, RequestOptions } from '../routing/router.ts';

/** Query parameters as the URL has them. */
export type RawQuery = Readonly<Record<string, string | string[] | undefined>>;

export type ParameterName = 'wait' | 'ordering' | 'timeout' | 'consistency';

/** What the API description says of each parameter. */
export const PARAMETERS: Readonly<Record<ParameterName, { about: string; schema: object }>> = {
  wait: {
    about:
      'Writes are always on the disk of every in-sync copy when answered; false only changes the status word to acknowledged.',
    schema: { type: 'boolean', default: false },
  },
  ordering: {
    about: "Every write of a shard goes through its primary, which is the strongest of the dialect's orders.",
    schema: { type: 'string', enum: ['weak', 'medium', 'strong'] },
  },
  timeout: { about: 'Seconds after which the request fails with 504.', schema: { type: 'integer', minimum: 1 } },
  consistency: {
    about:
      'How many in-sync copies must answer: a number, majority, quorum or all. Beyond the dialect, primary: the answer has every write that was acknowledged before the read.',
    schema: {
      oneOf: [
        { type: 'integer', minimum: 1 },
        { type: 'string', enum: ['majority', 'quorum', 'all', 'primary'] },
      ],
    },
  },
};

const MAX_TIMEOUT_S = 3_600;

/** Refuses parameters that the route does not know. */
export function checkParameters(query: RawQuery, known: readonly string[]): void {
  for (const name in query) {
    if (!known.includes(name))
      throw bad(name, `unknown query parameter; this route knows ${known.join(', ') || 'none'}`);
    if (Array.isArray(query[name])) throw bad(name, 'given more than once');
  }
}

/** Reads `timeout` (seconds). */
export function requestOptions(query: RawQuery): RequestOptions {
  const given = query['timeout'];
  if (given === undefined) return { timeoutMs: DEFAULT_TIMEOUT_MS };
  const seconds = wholeNumber('timeout', given);
  if (seconds < 1 || seconds > MAX_TIMEOUT_S) throw bad('timeout', `${seconds} is not in 1..${MAX_TIMEOUT_S} seconds`);
  return { timeoutMs: seconds * 1000 };
}

/** Reads `timeout` and `consistency`. */
export function readOptions(query: RawQuery, collection: MapCollection): ReadOptions {
  return { timeoutMs: requestOptions(query).timeoutMs, consistency: consistency(query, collection) };
}

function consistency(query: RawQuery, collection: MapCollection): ReadOptions['consistency'] {
  const given = query['consistency'];
  if (given === undefined) return 'one';
  if (given === 'all' || given === 'primary') return given;
  // quorum asks every copy and keeps what most say, majority asks a majority: both are answered by a majority of the in-sync copies.
  if (given === 'quorum' || given === 'majority') return 'quorum';
  const copies = wholeNumber('consistency', given);
  if (copies < 1) throw bad('consistency', 'must be 1 or larger');
  if (copies === 1) return 'one';
  return copies <= Math.floor(collection.replicationFactor / 2) + 1 ? 'quorum' : 'all';
}

/** Reads `wait` and `ordering`: the status word of the answer. */
export function writeStatus(query: RawQuery): 'completed' | 'acknowledged' {
  const ordering = query['ordering'];
  if (ordering !== undefined && ordering !== 'weak' && ordering !== 'medium' && ordering !== 'strong') {
    throw bad('ordering', 'expected weak, medium or strong');
  }
  const wait = query['wait'];
  if (wait !== undefined && wait !== 'true' && wait !== 'false') throw bad('wait', 'expected true or false');
  return wait === 'true' ? 'completed' : 'acknowledged';
}

function wholeNumber(name: string, value: string | string[]): number {
  if (typeof value !== 'string' || !/^\d{1,9}$/.test(value))
    throw bad(name, `${String(value).slice(0, 50)} is not a whole number`);
  return Number(value);
}

function bad(name: string, problem: string): AnnulusError {
  return new AnnulusError('ANN_BAD_REQUEST', `Deserialize error in query parameters: ${name}: ${problem}`, {
    field: name,
  });
}
