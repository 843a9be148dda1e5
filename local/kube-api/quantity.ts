import type { Json } from './json.ts';

/** Powers of ten by suffix. */
const DECIMAL: Readonly<Record<string, number>> = { n: -9, u: -6, m: -3, '': 0, k: 3, M: 6, G: 9, T: 12, P: 15, E: 18 };
const BINARY: Readonly<Record<string, number>> = { Ki: 10, Mi: 20, Gi: 30, Ti: 40, Pi: 50, Ei: 60 };
const PATTERN = /^([+-]?)(\d*)(?:\.(\d*))?(?:([eE])([+-]?\d+)|(n|u|m|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei))?$/;
const NANO = 9;

/** A quantity as a count of 1e-9 units, and how it was written; null when it is none. */
export function parseQuantity(text: string): { nanos: bigint; form: 'decimal' | 'binary' | 'exponent' } | null {
  const match = PATTERN.exec(text);
  if (match === null) return null;
  const [, sign, whole = '', fraction = '', isExponent, exponent = '0', suffix = ''] = match;
  if (whole === '' && fraction === '') return null;
  const digits = BigInt(`${whole}${fraction}` || '0');
  const binary = BINARY[suffix];
  const power =
    (isExponent === undefined ? (binary === undefined ? (DECIMAL[suffix] ?? 0) : 0) : Number(exponent)) -
    fraction.length +
    NANO;
  const scaled = digits << BigInt(binary ?? 0);
  // Finer than a nano is rounded up, as the API does.
  const divisor = power < 0 ? 10n ** BigInt(-power) : 1n;
  const nanos = power >= 0 ? scaled * 10n ** BigInt(power) : (scaled + divisor - 1n) / divisor;
  const form = isExponent !== undefined ? 'exponent' : binary === undefined ? 'decimal' : 'binary';
  return { nanos: sign === '-' ? -nanos : nanos, form };
}

const NANOS_A_UNIT = 10n ** BigInt(NANO);

function printDecimal(nanos: bigint, isExponent: boolean): string {
  const suffixes = Object.entries(DECIMAL).sort(([, a], [, b]) => b - a);
  for (const [suffix, power] of suffixes) {
    const unit = 10n ** BigInt(power + NANO);
    if (nanos % unit === 0n) return `${nanos / unit}${isExponent ? (power === 0 ? '' : `e${power}`) : suffix}`;
  }
  return String(nanos);
}

/** The quantity as the API server writes it back (`1000m` is `1`, `1024Mi` is `1Gi`); other text stays. */
export function canonicalQuantity(value: Json): Json {
  if (typeof value !== 'string' && typeof value !== 'number') return value;
  const parsed = parseQuantity(String(value));
  if (parsed === null) return value;
  const { nanos, form } = parsed;
  if (nanos === 0n) return '0';
  const absolute = nanos < 0n ? -nanos : nanos;
  if (form === 'binary' && absolute % NANOS_A_UNIT === 0n && absolute / NANOS_A_UNIT >= 1024n) {
    const units = nanos / NANOS_A_UNIT;
    const best = Object.entries(BINARY)
      .sort(([, a], [, b]) => b - a)
      .find(([, bits]) => units % (1n << BigInt(bits)) === 0n);
    return best === undefined ? String(units) : `${units >> BigInt(best[1])}${best[0]}`;
  }
  return printDecimal(nanos, form === 'exponent');
}
