import { MAX_EF } from './limits.ts';
import { at, flag, integer, object, refuse } from './read.ts';
import { unsupported } from './refusals.ts';

/** Reads `params` of a search. */
export function searchParams(value: unknown, path: string): { ef?: number; exact: boolean } {
  if (value === undefined || value === null) return { exact: false };
  const fields = object(value, path, ['hnsw_ef', 'exact', 'indexed_only', 'quantization', 'acorn', 'idf']);
  refuse(fields, path, ['quantization', 'acorn', 'idf']);
  if (flag(fields['indexed_only'], at(path, 'indexed_only'), false)) {
    throw unsupported(at(path, 'indexed_only'), 'is not supported: every acknowledged point is searched');
  }
  const ef = integer(fields['hnsw_ef'], at(path, 'hnsw_ef'), 0, MAX_EF);
  const exact = flag(fields['exact'], at(path, 'exact'), false);
  return ef === undefined || ef === 0 ? { exact } : { ef, exact };
}
