import { expect, test } from '@jest/globals';
import { AnnulusError, errorFromWire, errorToWire, ERRORS } from './errors.ts';

test('an error survives the wire with code, message and field', () => {
  const error = new AnnulusError('ANN_DIMENSION_MISMATCH', 'vector has 3 numbers, the collection 4', {
    field: 'points[0].vector',
  });
  const back = errorFromWire(JSON.parse(JSON.stringify(errorToWire(error))) as { code: string; message: string });
  expect(back).toMatchObject({ code: error.code, message: error.message, field: error.field, status: 400 });
});

test('what is not ours becomes ANN_INTERNAL, and so does a code of a newer peer', () => {
  expect(errorToWire(new TypeError('x'))).toEqual({ code: 'ANN_INTERNAL', message: 'x' });
  expect(errorFromWire({ code: 'ANN_FUTURE', message: 'm' }).code).toBe('ANN_INTERNAL');
});

test('every code has a sentence and an error status', () => {
  for (const [code, row] of Object.entries(ERRORS)) {
    expect(code).toMatch(/^ANN_[A-Z_]+$/);
    expect(row.about).toMatch(/\.$/);
    expect(row.status).toBeGreaterThanOrEqual(400);
  }
});
