import type { PayloadIndex } from '#crds/v1alpha1/index.ts';
import { at, flag, object, oneOf, refuse, required } from './read.ts';
import { payloadPath } from './request-parts.ts';
import { malformed, outOfBounds, unsupported } from './refusals.ts';

const INDEX_TYPES = ['keyword', 'integer', 'float', 'bool', 'datetime', 'uuid', 'text', 'geo'] as const;
/** Parameters of an index whose given value says what ours does anyway. */
const INDEX_DEFAULTS: Readonly<Record<string, unknown>> = {
  is_tenant: false,
  is_principal: false,
  on_disk: false,
  enable_hnsw: true,
  lookup: true,
  range: true,
  prefix: false,
  tokenizer: 'word',
  lowercase: true,
  ascii_folding: false,
};
const INDEX_OTHER = ['memory', 'min_token_len', 'max_token_len', 'phrase_matching', 'stopwords', 'stemmer'];

/** Reads the body of PUT /collections/{name}/index. */
export function parseIndex(value: unknown): PayloadIndex {
  const fields = object(value, '', ['field_name', 'field_schema']);
  const field = payloadPath(required(fields, '', 'field_name'), 'field_name');
  if (field === '' || field.length > 512) throw outOfBounds('field_name', 'must have 1 to 512 characters');
  let schema = fields['field_schema'];
  if (schema == null)
    throw malformed(
      'field_schema',
      'missing field `field_schema`: say keyword, integer, float, bool, datetime, uuid or text',
    );
  if (typeof schema === 'object') {
    const params = object(schema, 'field_schema', ['type', ...Object.keys(INDEX_DEFAULTS), ...INDEX_OTHER]);
    for (const key in INDEX_DEFAULTS) {
      if (params[key] != null && params[key] !== INDEX_DEFAULTS[key])
        throw unsupported(at('field_schema', key), `only ${String(INDEX_DEFAULTS[key])} is supported`);
    }
    refuse(params, 'field_schema', ['memory', 'min_token_len', 'max_token_len', 'stopwords', 'stemmer']);
    flag(params['phrase_matching'], 'field_schema.phrase_matching', false);
    schema = required(params, 'field_schema', 'type');
  }
  const type = oneOf(schema, 'field_schema', INDEX_TYPES);
  if (type === 'geo') throw unsupported('field_schema', 'geo is not supported');
  return { field, type };
}
