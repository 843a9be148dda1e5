import { celEnv, isCelError, parse, plan } from '@bufbuild/cel';
import type { CelInput } from '@bufbuild/cel';
import { RE2JS } from 're2js';
import { KUBERNETES_FUNCTIONS } from './library.ts';

/** CEL as Kubernetes has it: its functions, and patterns in RE2's dialect. */
export const ENVIRONMENT = celEnv({
  funcs: KUBERNETES_FUNCTIONS,
  re2: {
    compile: (pattern) => {
      const compiled = RE2JS.compile(pattern);
      return { test: (text) => compiled.matcher(text).find() };
    },
  },
});

/** A conversion that CEL itself does; text that does not convert stays text. */
function conversion(expression: string): (text: string) => CelInput {
  const evaluate = plan(ENVIRONMENT, parse(expression));
  return (text) => {
    const result = evaluate({ text });
    return isCelError(result) ? text : (result as CelInput);
  };
}

export const toTimestamp = conversion('timestamp(text)');
export const toDuration = conversion('duration(text)');
