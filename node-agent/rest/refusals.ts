import { AnnulusError } from '#model/errors.ts';

/** A well-formed value out of its bounds: the dialect answers 422 where a malformed body gets 400. */
export class OutOfBounds extends AnnulusError {
  override get status(): number {
    return 422;
  }
}

/** The body or parameter has the wrong form. */
export function malformed(field: string, problem: string): AnnulusError {
  return new AnnulusError('ANN_BAD_REQUEST', `Format error in JSON body: ${field || 'the body'}: ${problem}`, {
    field,
  });
}

/** A value that the dialect's validation refuses. */
export function outOfBounds(field: string, problem: string): AnnulusError {
  return new OutOfBounds('ANN_BAD_REQUEST', `Validation error in JSON body: [${field}: ${problem}]`, { field });
}

/** Well-formed, but wrong for this collection. */
export function wrongInput(field: string, problem: string): AnnulusError {
  return new AnnulusError('ANN_BAD_REQUEST', `Wrong input: ${problem}`, { field });
}

/** Known to the dialect, not to us: said loudly, never ignored. */
export function unsupported(field: string, why = 'is not supported'): AnnulusError {
  return new AnnulusError('ANN_UNSUPPORTED', `Bad request: ${field} ${why}`, { field });
}
