import { expect, test } from '@jest/globals';
import { decodeProtobuf } from './protobuf.ts';

const field = (number: number, value: string | Buffer): Buffer => {
  const bytes = Buffer.from(value);
  return Buffer.concat([Buffer.from([(number << 3) | 2, bytes.length]), bytes]);
};
const typeMeta = Buffer.concat([field(1, 'v1'), field(2, 'ConfigMap')]);
const configMap = Buffer.concat([
  field(1, Buffer.concat([field(1, 'name'), field(8, '')])),
  field(2, Buffer.concat([field(1, 'key'), field(2, 'value')])),
  field(3, Buffer.concat([field(1, 'bin'), field(2, Buffer.from([1, 2]))])),
]);
const body = Buffer.concat([Buffer.from('k8s\0'), field(1, typeMeta), field(2, configMap)]);

test('a ConfigMap as kubectl create sends it', () => {
  expect(decodeProtobuf(body)).toEqual({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'name' },
    data: { key: 'value' },
    binaryData: { bin: 'AQI=' },
  });
});

test.each([
  ['no magic', Buffer.from('nope')],
  ['cut off', body.subarray(0, body.length - 3)],
  [
    'an unknown kind',
    Buffer.concat([Buffer.from('k8s\0'), field(1, Buffer.concat([field(1, 'v1'), field(2, 'Nothing')])), field(2, '')]),
  ],
])('%s is refused with 400', (_what, bytes) =>
  expect(() => decodeProtobuf(bytes)).toThrow(expect.objectContaining({ code: 400 })),
);
