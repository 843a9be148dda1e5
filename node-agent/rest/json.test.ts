import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { jsonText, readBody } from './json.ts';

/** JSON text with integers of any size, spelt as a client may spell them. */
const integers = fc.oneof(
  fc.bigInt(-(2n ** 66n), 2n ** 66n),
  fc.constantFrom(2n ** 53n, 2n ** 53n + 1n, 10n ** 15n, 10n ** 20n - 1n),
);

describe('readBody', () => {
  test('hands every integer of a payload on with all its digits', () => {
    fc.assert(
      fc.property(
        integers,
        fc.double({ noNaN: true, noDefaultInfinity: true }),
        fc.string(),
        (integer, float, text) => {
          const json = `{"i":${integer},"list":[${integer}],"f":${JSON.stringify(float)},"s":${JSON.stringify(text)}}`;
          const kept = readBody(Buffer.from(json), (value) => jsonText(value, 'payload'));
          // A double that is a whole number of 16 to 21 digits is an integer in JSON, however it was spelt.
          const number = JSON.stringify(JSON.parse(JSON.stringify(float)));
          expect(kept).toBe(`{"i":${integer},"list":[${integer}],"f":${number},"s":${JSON.stringify(text)}}`);
        },
      ),
    );
  });

  test('reads once when nothing needs more than a double', () => {
    let reads = 0;
    readBody(Buffer.from('{"a": 1700000000000000.5, "b": [0.1234567890123456789, 12]}'), (value) => {
      reads++;
      return jsonText(value, 'payload');
    });
    expect(reads).toBe(1);
  });

  test.each([
    ['empty', ''],
    ['cut', '{"a":'],
    ['two values', '{} {}'],
    ['infinite', '{"a": Infinity}'],
  ])('refuses a body that is %s', (_title, text) => {
    expect(() => readBody(Buffer.from(text), (value) => value)).toThrow(/^Format error in JSON body/);
  });

  test('refuses payloads nested without end', () => {
    const deep = '['.repeat(200_000) + ']'.repeat(200_000);
    expect(() => readBody(Buffer.from(deep), (value) => jsonText(value, 'payload'))).toThrow(/nested deeper than 128/);
  });
});
