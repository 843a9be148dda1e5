import { AnnulusError } from '#model/errors.ts';

/** All are awaited even when one fails: nothing of the request goes on after its answer. */
export async function settleAll<T>(promises: Promise<T>[]): Promise<T[]> {
  const settled = await Promise.allSettled(promises);
  const failures = settled.filter((result) => result.status === 'rejected');
  if (failures.length === 0) return settled.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
  const error: unknown = failures[0]!.reason;
  if (!(error instanceof AnnulusError) || settled.length === failures.length) throw error;
  throw new AnnulusError(
    error.code,
    `${error.message} (${failures.length} of ${settled.length} shards failed, the others have written their part; the request may be repeated)`,
    error.field === undefined ? {} : { field: error.field },
  );
}
