import { readFileSync } from 'node:fs';
import { registerHooks } from 'node:module';
import { fileURLToPath } from 'node:url';

/** A change of one source file as it is loaded: a bug put in on purpose. */
export interface Patch {
  /** Path in the repository. */
  file: string;
  find: string;
  replace: string;
}

const ROOT = new URL('..', import.meta.url).href;
const VIRTUAL: Record<string, string> = {
  '@grpc/grpc-js': 'grpc.ts',
  'node:timers/promises': 'timers-promises.ts',
  'node:fs/promises': 'fs-promises.ts',
  'node:dgram': 'dgram.ts',
  'node:crypto': 'crypto.ts',
  'node:os': 'os.ts',
  pino: 'pino.ts',
  'prom-client': 'prom-client.ts',
};

/**
 * From now on operator and node-agent are loaded with virtual modules in the place of everything that touches the outside: network, disk,
 * timers, randomness. Their own code is what production runs, but for `patches`. To be called before they are imported.
 */
export function installHooks(patches: readonly Patch[] = []): void {
  registerHooks({
    resolve(specifier, context, next) {
      const parent = context.parentURL ?? '';
      const simulated =
        parent.startsWith(ROOT) && !parent.startsWith(`${ROOT}sim/`) && !parent.includes('/node_modules/');
      const virtual = simulated ? VIRTUAL[specifier] : undefined;
      if (virtual !== undefined) return { url: `${ROOT}sim/virtual/${virtual}`, shortCircuit: true };
      const resolved = next(specifier, context);
      if (resolved.url === `${ROOT}proto/load-service.ts`) {
        return { url: `${ROOT}sim/virtual/load-service.ts`, shortCircuit: true };
      }
      return resolved;
    },
    load(url, context, next) {
      const mine = patches.filter((patch) => url === `${ROOT}${patch.file}`);
      if (mine.length === 0) return next(url, context);
      let source = readFileSync(fileURLToPath(url), 'utf8');
      for (const { file, find, replace } of mine) {
        if (!source.includes(find)) throw new Error(`mutant does not fit: ${file} has no "${find}"`);
        source = source.replace(find, () => replace);
      }
      return { format: 'module-typescript', source, shortCircuit: true };
    },
  });
}
