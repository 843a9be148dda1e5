import { describe, expect, test } from '@jest/globals';
import type { QdrantClient } from '@qdrant/js-client-rest';
import type { Country } from './sample.ts';
import { status } from './status.ts';

type Filter = NonNullable<NonNullable<Parameters<QdrantClient['count']>[1]>['filter']>;
type Payload = Country['payload'];

/** Each filter, and the same said in JavaScript. */
const CASES: readonly [string, Filter, (payload: Payload, id: Country['id']) => boolean][] = [
  ['match a string', { must: [{ key: 'name', match: { value: 'Country 7' } }] }, (p) => p.name === 'Country 7'],
  ['match a boolean', { must: [{ key: 'landlocked', match: { value: true } }] }, (p) => p.landlocked],
  ['match an integer', { must: [{ key: 'population', match: { value: 0 } }] }, (p) => p.population === 0],
  [
    'match an element of a list',
    { must: [{ key: 'tags', match: { value: 'island' } }] },
    (p) => p.tags.includes('island'),
  ],
  [
    'any',
    { must: [{ key: 'continent', match: { any: ['Asia', 'Africa'] } }] },
    (p) => ['Asia', 'Africa'].includes(p.continent),
  ],
  [
    'except',
    { must: [{ key: 'continent', match: { except: ['Asia', 'Africa'] } }] },
    (p) => !['Asia', 'Africa'].includes(p.continent),
  ],
  ['text', { must: [{ key: 'motto', match: { text: 'brown fox' } }] }, (p) => p.motto != null],
  ['range', { must: [{ key: 'area', range: { gte: 5, lt: 12.25 } }] }, (p) => p.area >= 5 && p.area < 12.25],
  [
    'range of a list',
    { must: [{ key: 'cities[].rank', range: { gt: 3 } }] },
    (p) => p.cities.some((city) => city.rank > 3),
  ],
  [
    'datetimes',
    { must: [{ key: 'founded', range: { gte: '1850-01-01T00:00:00Z', lte: '1950-06-01' } }] },
    (p) => p.founded >= '1850' && p.founded <= '1950-06-01T00:00:00.000Z',
  ],
  [
    'values_count',
    { must: [{ key: 'tags', values_count: { gte: 2, lt: 4 } }] },
    (p) => p.tags.length >= 2 && p.tags.length < 4,
  ],
  ['is_empty', { must: [{ is_empty: { key: 'motto' } }] }, (p) => p.motto == null],
  ['is_empty of lists', { must: [{ is_empty: { key: 'tags' } }] }, (p) => p.tags.length === 0],
  ['is_null', { must: [{ is_null: { key: 'motto' } }] }, (p) => p.motto === null],
  [
    'has_id',
    { must: [{ has_id: [1, 4, '00000000-0000-4000-8000-000000000033', 999] }] },
    (_p, id) => [1, 4, '00000000-0000-4000-8000-000000000033'].includes(id),
  ],
  [
    'nested',
    {
      must: [
        {
          nested: {
            key: 'cities',
            filter: {
              must: [
                { key: 'name', match: { value: 'Port 2' } },
                { key: 'rank', range: { gte: 3 } },
              ],
            },
          },
        },
      ],
    },
    (p) => p.cities.some((city) => city.name === 'Port 2' && city.rank >= 3),
  ],
  [
    'the same not nested',
    {
      must: [
        { key: 'cities[].name', match: { value: 'Port 2' } },
        { key: 'cities[].rank', range: { gte: 3 } },
      ],
    },
    (p) => p.cities.some((city) => city.name === 'Port 2') && p.cities.some((city) => city.rank >= 3),
  ],
  [
    'should',
    {
      should: [
        { key: 'continent', match: { value: 'Asia' } },
        { key: 'area', range: { lt: 3 } },
      ],
    },
    (p) => p.continent === 'Asia' || p.area < 3,
  ],
  [
    'must_not',
    {
      must_not: [
        { key: 'tags', match: { value: 'desert' } },
        { key: 'landlocked', match: { value: true } },
      ],
    },
    (p) => !p.tags.includes('desert') && !p.landlocked,
  ],
  [
    'min_should',
    {
      min_should: {
        min_count: 2,
        conditions: [
          { key: 'landlocked', match: { value: true } },
          { key: 'tags', match: { value: 'coast' } },
          { key: 'continent', match: { value: 'Asia' } },
          { key: 'area', range: { gte: 10 } },
        ],
      },
    },
    (p) => [p.landlocked, p.tags.includes('coast'), p.continent === 'Asia', p.area >= 10].filter(Boolean).length >= 2,
  ],
  [
    'filters in filters',
    {
      must: [
        { should: [{ key: 'continent', match: { value: 'Asia' } }, { must_not: [{ key: 'area', range: { gt: 2 } }] }] },
      ],
      must_not: [{ has_id: [4] }],
    },
    (p, id) => (p.continent === 'Asia' || !(p.area > 2)) && id !== 4,
  ],
];

/** Filters through the public client: scroll, count and query must choose the same points. */
export function filterTests(client: () => QdrantClient, name: string, points: Country[]): void {
  describe('filters', () => {
    test.each(CASES)('%s', async (_title, filter, chosen) => {
      const expected = points.filter((point) => chosen(point.payload, point.id)).map((point) => point.id);
      expect(expected.length).toBeGreaterThan(0);
      expect(expected.length).toBeLessThan(points.length);
      const { points: scrolled } = await client().scroll(name, { filter, limit: 100 });
      expect(scrolled.map((point) => point.id)).toEqual(expected);
      expect(await client().count(name, { filter })).toEqual({ count: expected.length });
      const { points: found } = await client().query(name, { query: [1, 1, 1, 1], filter, limit: 100 });
      expect(new Set(found.map((point) => point.id))).toEqual(new Set(expected));
    });

    test('unknown conditions are refused, not ignored', async () => {
      const geo = { must: [{ key: 'at', geo_radius: { center: { lon: 1, lat: 1 }, radius: 5 } }] };
      expect(await status(client().count(name, { filter: geo }))).toBe(400);
      const misspelt = { must: [{ key: 'area', range: { gte: 1, less: 2 } }] };
      expect(await status(client().count(name, { filter: misspelt }))).toBe(400);
    });
  });
}
