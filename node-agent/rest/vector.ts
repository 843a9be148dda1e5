import { AnnulusError } from '#model/errors.ts';
import { anyObject, at, kindOf } from './read.ts';
import { malformed, unsupported } from './refusals.ts';

/** Reads a vector of exactly `dimension` finite float32 numbers. */
export function vector(value: unknown, path: string, dimension: number): Float32Array {
  if (!Array.isArray(value)) throw notAVector(value, path);
  if (Array.isArray(value[0])) throw unsupported(path, 'is a multi-vector, which is not supported');
  const numbers = floats(value, path);
  if (numbers.length !== dimension) {
    throw new AnnulusError(
      'ANN_DIMENSION_MISMATCH',
      `Wrong input: Vector dimension error: expected dim: ${dimension}, got ${numbers.length}`,
      { field: path },
    );
  }
  return numbers;
}

function floats(value: unknown[], path: string): Float32Array {
  const numbers = new Float32Array(value.length);
  // x - x is 0 for every finite x and NaN otherwise: one addition a component instead of a test.
  let check = 0;
  for (let i = 0; i < value.length; i++) {
    let part = value[i];
    if (typeof part === 'bigint') part = Number(part);
    if (typeof part !== 'number') throw malformed(at(path, i), `expected a number, got ${kindOf(part)}`);
    const float = Math.fround(part);
    check += float - float;
    numbers[i] = float;
  }
  if (check !== 0) {
    const bad = numbers.findIndex((float) => !Number.isFinite(float));
    throw malformed(at(path, bad), `${String(value[bad])} is not a finite 32-bit float`);
  }
  return numbers;
}

/** Reads a point's vector in its forms: a plain array, `{"": [...]}` for the same, or `{}` for a point without one. */
export function pointVector(value: unknown, path: string, dimension: number): Float32Array | null {
  if (Array.isArray(value)) return vector(value, path, dimension);
  if (typeof value !== 'object' || value === null) throw notAVector(value, path);
  const named = anyObject(value, path);
  let found: Float32Array | null = null;
  for (const name in named) {
    if (name !== '') throw namedOrInferred(named, path, name);
    found = vector(named[name], path, dimension);
  }
  return found;
}

function notAVector(value: unknown, path: string): AnnulusError {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    return namedOrInferred(value as Record<string, unknown>, path, Object.keys(value)[0] ?? '');
  }
  return malformed(path, `expected an array of numbers, got ${kindOf(value)}`);
}

function namedOrInferred(value: Readonly<Record<string, unknown>>, path: string, name: string): AnnulusError {
  if ('indices' in value) return unsupported(path, 'is a sparse vector, which is not supported');
  if ('model' in value) return unsupported(path, 'asks for inference, which is not supported: send the vector');
  return unsupported(at(path, name), 'names a vector; collections have one unnamed vector');
}
