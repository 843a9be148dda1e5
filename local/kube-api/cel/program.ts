import { isCelError, parse, plan } from '@bufbuild/cel';
import type { CelInput, CelValue } from '@bufbuild/cel';
import { ENVIRONMENT } from './environment.ts';

/** Compiled expressions kept; the oldest goes first. */
const CACHE_LIMIT = 2_000;

export interface RuleInput {
  readonly self: CelInput;
  readonly oldSelf?: CelInput;
}

export type Outcome = { readonly value: CelValue } | { readonly error: string };

interface Program {
  run(input: RuleInput): Outcome;
}

const cache = new Map<string, Program | { readonly compileError: string }>();

/** Go's words for what the library calls otherwise. */
function inGoWords(message: string): string {
  const missing = /(?:no such (?:key|field)|field not found|key not found)[^"'\w]*["']?([\w.-]+)?/i.exec(message);
  if (missing?.[1] !== undefined) return `no such key: ${missing[1]}`;
  const index = /index (-?\d+) out of bounds/.exec(message);
  return index === null ? message : `index out of bounds: ${index[1] ?? ''}`;
}

function compile(expression: string): Program | { readonly compileError: string } {
  try {
    const evaluate = plan(ENVIRONMENT, parse(expression));
    return {
      run: (input) => {
        const bindings: Record<string, CelInput> = { self: input.self };
        if (input.oldSelf !== undefined) bindings['oldSelf'] = input.oldSelf;
        const result = evaluate(bindings);
        return isCelError(result) ? { error: inGoWords(result.message) } : { value: result };
      },
    };
  } catch (error) {
    return { compileError: error instanceof Error ? error.message : String(error) };
  }
}

/** Compiles a rule or a message expression, once. */
export function programOf(expression: string): Program | { readonly compileError: string } {
  let program = cache.get(expression);
  if (program === undefined) {
    if (cache.size >= CACHE_LIMIT) cache.delete(cache.keys().next().value ?? '');
    program = compile(expression);
    cache.set(expression, program);
  }
  return program;
}

/** True when an expression reads the old value. Text in quotes does not count. */
export const readsOldSelf = (expression: string): boolean =>
  /\boldSelf\b/.test(expression.replaceAll(/'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"/g, "''"));
