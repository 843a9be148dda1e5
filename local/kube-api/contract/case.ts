import type { Answer, ContractClient } from './client.ts';
import { asObject, getPath } from '../json.ts';
import type { Json, JsonObject } from '../json.ts';

/** Where a case works: a fresh namespace, and a custom kind that is there. */
export interface ContractContext {
  readonly client: ContractClient;
  readonly namespace: string;
  /** URL of a core collection in the namespace: `core('configmaps')`. */
  core(resource: string, name?: string): string;
  /** URL of the widgets in the namespace. */
  widgets(name?: string): string;
}

export interface ContractCase {
  readonly name: string;
  run(context: ContractContext): Promise<void>;
}

/** Gives the cases their type, each function's arguments included. */
export const contractCases = (cases: readonly ContractCase[]): readonly ContractCase[] => cases;

const READY_SECONDS = 10;
const READY_PAUSE_MS = 100;

/** Calls until the answer passes; gives the last answer when it never does. */
export async function until(
  call: () => Promise<Answer>,
  passes: (answer: Answer) => boolean,
  seconds: number = READY_SECONDS,
): Promise<Answer> {
  let answer = await call();
  const attempts = (seconds * 1000) / READY_PAUSE_MS;
  for (let i = 0; i < attempts && !passes(answer); i += 1) {
    await new Promise((resolve) => setTimeout(resolve, READY_PAUSE_MS));
    answer = await call();
  }
  return answer;
}

export const configMap = (
  name: string,
  data: Record<string, string> = { a: '1' },
  metadata: JsonObject = {},
): JsonObject => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, ...metadata },
  data,
});

export const at = (answer: Answer, ...path: string[]): Json | undefined => getPath(answer.body, path);
export const metaOf = (answer: Answer): JsonObject => asObject(answer.body['metadata']);
