import { expect, test } from '@jest/globals';
import { compileJsonPath } from './json-path.ts';

const value = {
  spec: { size: 3, tags: ['a', 'b'], 'odd.name': 1 },
  status: {
    conditions: [
      { type: 'Ready', status: 'True' },
      { type: 'Other', status: 'False', count: 4 },
    ],
  },
};

test.each([
  ['.spec.size', [3]],
  ['.spec.tags', [['a', 'b']]],
  ['.spec.tags[0]', ['a']],
  ['.spec.tags[-1]', ['b']],
  ['.spec.tags[*]', ['a', 'b']],
  [".spec['odd.name']", [1]],
  ['.spec.odd\\.name', [1]],
  [".status.conditions[?(@.type=='Ready')].status", ['True']],
  ['.status.conditions[?(@.type=="Other")].status', ['False']],
  ['.status.conditions[?(@.count>3)].type', ['Other']],
  ['.status.conditions[*].type', ['Ready', 'Other']],
  ['.none.deeper', []],
])('%s', (path, wanted) => expect(compileJsonPath(path)(value)).toEqual(wanted));
