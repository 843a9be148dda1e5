// JSON schemas of bodies and results, for the API description. Parsing is by hand (parse-*.ts): these say the same to people.

const NULLABLE_BOOLEAN = { type: ['boolean', 'null'] };
const COUNT_OF_POINTS = { type: ['integer', 'null'], minimum: 1, maximum: 100_000, default: 10 };

export const POINT_ID = {
  oneOf: [
    { type: 'integer', format: 'uint64', minimum: 0 },
    { type: 'string', format: 'uuid' },
  ],
};
const POINT_IDS = { type: 'array', items: POINT_ID };
const VECTOR = { type: 'array', items: { type: 'number', format: 'float' } };
const PAYLOAD = { type: 'object', additionalProperties: true };
const NAMES = { type: 'array', items: { type: 'string' } };

const CONDITIONS = { type: ['array', 'object', 'null'], description: 'A condition, or a list of conditions.' };
export const FILTER = {
  type: ['object', 'null'],
  additionalProperties: false,
  properties: {
    must: CONDITIONS,
    should: CONDITIONS,
    must_not: CONDITIONS,
    min_should: {
      type: 'object',
      required: ['conditions', 'min_count'],
      properties: { conditions: CONDITIONS, min_count: { type: 'integer', minimum: 0 } },
    },
  },
};

const WITH_PAYLOAD = {
  oneOf: [
    NULLABLE_BOOLEAN,
    NAMES,
    { type: 'object', required: ['include'], properties: { include: NAMES }, additionalProperties: false },
    { type: 'object', required: ['exclude'], properties: { exclude: NAMES }, additionalProperties: false },
  ],
};
const ANSWER = { with_payload: WITH_PAYLOAD, with_vector: { oneOf: [NULLABLE_BOOLEAN, NAMES] } };

const PARAMS = {
  type: ['object', 'null'],
  additionalProperties: false,
  properties: {
    hnsw_ef: { type: ['integer', 'null'], minimum: 0, maximum: 10_000 },
    exact: { type: 'boolean', default: false },
  },
};

const SEARCHING = {
  filter: FILTER,
  params: PARAMS,
  limit: COUNT_OF_POINTS,
  offset: { type: ['integer', 'null'], minimum: 0, default: 0 },
  score_threshold: { type: ['number', 'null'] },
  ...ANSWER,
};

const EXAMPLE = { oneOf: [VECTOR, POINT_ID] };
const EXAMPLES = {
  positive: { type: 'array', items: EXAMPLE },
  negative: { type: 'array', items: EXAMPLE },
  strategy: { type: ['string', 'null'], enum: ['average_vector', 'sum_scores', null], default: 'average_vector' },
};
const ORDER_BY = {
  oneOf: [
    { type: 'string' },
    {
      type: 'object',
      required: ['key'],
      additionalProperties: false,
      properties: {
        key: { type: 'string' },
        direction: { type: 'string', enum: ['asc', 'desc'], default: 'asc' },
        start_from: { oneOf: [{ type: 'number' }, { type: 'string', format: 'date-time' }] },
      },
    },
  ],
};

function body(required: string[], properties: object): object {
  return { type: 'object', required, additionalProperties: false, properties };
}

export const SEARCH = body(['vector', 'limit'], { vector: VECTOR, ...SEARCHING });
export const RECOMMEND = body(['limit'], { ...EXAMPLES, ...SEARCHING });
export const QUERY = body([], {
  query: {
    oneOf: [
      EXAMPLE,
      body(['nearest'], { nearest: EXAMPLE }),
      body(['recommend'], { recommend: body([], EXAMPLES) }),
      body(['order_by'], { order_by: ORDER_BY }),
    ],
  },
  ...SEARCHING,
});

export const RETRIEVE = body(['ids'], { ids: POINT_IDS, ...ANSWER });
export const SCROLL = body([], {
  offset: POINT_ID,
  limit: COUNT_OF_POINTS,
  filter: FILTER,
  order_by: ORDER_BY,
  ...ANSWER,
});
export const COUNT = body([], { filter: FILTER, exact: { type: 'boolean', default: true } });

const POINT_VECTORS = { type: 'array', items: body(['id', 'vector'], { id: POINT_ID, vector: VECTOR }) };
export const UPSERT = {
  oneOf: [
    body(['points'], {
      points: { type: 'array', items: body(['id', 'vector'], { id: POINT_ID, vector: VECTOR, payload: PAYLOAD }) },
    }),
    body(['batch'], {
      batch: body(['ids', 'vectors'], {
        ids: POINT_IDS,
        vectors: { type: 'array', items: VECTOR },
        payloads: { type: 'array', items: { type: ['object', 'null'] } },
      }),
    }),
  ],
};

/** Which points: by ids or by a filter. */
const SELECTED = { points: POINT_IDS, filter: FILTER };
export const SELECTOR = body([], SELECTED);
export const SET_PAYLOAD = body(['payload'], { payload: PAYLOAD, key: { type: ['string', 'null'] }, ...SELECTED });
export const DELETE_PAYLOAD = body(['keys'], { keys: NAMES, ...SELECTED });
export const UPDATE_VECTORS = body(['points'], { points: POINT_VECTORS });
export const DELETE_VECTORS = body(['vector'], { vector: { type: 'array', items: { const: '' } }, ...SELECTED });
export const BATCH = body(['operations'], {
  operations: {
    type: 'array',
    items: {
      type: 'object',
      minProperties: 1,
      maxProperties: 1,
      additionalProperties: false,
      properties: {
        upsert: UPSERT,
        delete: SELECTOR,
        set_payload: SET_PAYLOAD,
        overwrite_payload: SET_PAYLOAD,
        delete_payload: DELETE_PAYLOAD,
        clear_payload: SELECTOR,
        update_vectors: UPDATE_VECTORS,
        delete_vectors: DELETE_VECTORS,
      },
    },
  },
});

const HNSW = body([], {
  m: { type: ['integer', 'null'], minimum: 2, maximum: 128 },
  ef_construct: { type: ['integer', 'null'], minimum: 4, maximum: 4096 },
});
export const CREATE_COLLECTION = body(['vectors'], {
  vectors: body(['size', 'distance'], {
    size: { type: 'integer', minimum: 1, maximum: 65_535 },
    distance: { type: 'string', enum: ['Cosine', 'Euclid', 'Dot'] },
    hnsw_config: HNSW,
  }),
  shard_number: { type: ['integer', 'null'], minimum: 1, maximum: 256 },
  replication_factor: { type: ['integer', 'null'], minimum: 1, maximum: 7 },
  write_consistency_factor: { type: ['integer', 'null'], minimum: 1, maximum: 7 },
  hnsw_config: HNSW,
});
export const UPDATE_COLLECTION = body([], {
  hnsw_config: HNSW,
  params: body([], { replication_factor: { type: ['integer', 'null'], minimum: 1, maximum: 7 } }),
});
export const CREATE_INDEX = body(['field_name', 'field_schema'], {
  field_name: { type: 'string' },
  field_schema: {
    oneOf: [
      { type: 'string', enum: ['keyword', 'integer', 'float', 'bool', 'datetime', 'uuid', 'text'] },
      { type: 'object', required: ['type'] },
    ],
  },
});

export const RECORD = {
  type: 'object',
  properties: { id: POINT_ID, payload: PAYLOAD, vector: VECTOR, order_value: { type: 'number' } },
};
export const SCORED_POINT = {
  type: 'object',
  properties: { ...RECORD.properties, version: { type: 'integer' }, score: { type: 'number' } },
};
export const SCROLLED = {
  type: 'object',
  properties: { points: { type: 'array', items: RECORD }, next_page_offset: { oneOf: [POINT_ID, { type: 'null' }] } },
};
export const UPDATE_RESULT = {
  type: 'object',
  properties: {
    operation_id: { type: 'integer' },
    status: { type: 'string', enum: ['completed', 'acknowledged'] },
  },
};
