/** A point of the sample collection. */
export interface Country {
  id: number | string;
  vector: number[];
  payload: {
    name: string;
    continent: string;
    population: number;
    area: number;
    founded: string;
    tags: string[];
    cities: { name: string; rank: number }[];
    motto?: string | null;
    landlocked: boolean;
  };
}

const CONTINENTS = ['Europe', 'Asia', 'Africa', 'America'];
const TAGS = ['coast', 'desert', 'forest', 'island', 'mountain'];

/** 40 points with every kind of payload value: 30 with integer ids, then 10 with UUIDs, in the order of ids. Vectors have length 1. */
export function countries(): Country[] {
  return Array.from({ length: 40 }, (_, i) => ({
    id: i < 30 ? i * 3 + 1 : `00000000-0000-4000-8000-0000000000${i}`,
    vector: unitVector(i),
    payload: {
      name: `Country ${i}`,
      continent: CONTINENTS[i % 4]!,
      population: ((i * 7919) % 101) * 1000 + i,
      area: i / 2 + 0.25,
      founded: new Date(Date.UTC(1800 + ((i * 37) % 200), i % 12, 1 + (i % 28))).toISOString(),
      tags: TAGS.filter((_tag, t) => ((i >> t) & 1) === 1),
      cities: [
        { name: `Capital ${i}`, rank: 1 },
        { name: `Port ${i % 5}`, rank: 2 + (i % 3) },
      ],
      ...(i % 3 === 0 ? {} : { motto: i % 3 === 1 ? null : `The quick brown fox number ${i} jumps over lazy dogs` }),
      landlocked: i % 2 === 0,
    },
  }));
}

/** Pseudo-random and far enough apart that float32 cannot change the order of scores. */
function unitVector(i: number): number[] {
  const raw = [1, 2, 3, 4].map((k) => Math.sin((i + 1) * k * 12.9898) + Math.cos((i + 2) * k * k * 4.1414));
  const length = Math.hypot(...raw);
  return raw.map((x) => x / length);
}

export function cosine(a: readonly number[], b: readonly number[]): number {
  const dot = a.reduce((sum, x, i) => sum + x * b[i]!, 0);
  return dot / (Math.hypot(...a) * Math.hypot(...b));
}

/** Ids of the `limit` points nearest to the vector, best first. */
export function nearest(points: readonly Country[], vector: readonly number[], limit: number): (number | string)[] {
  return [...points]
    .sort((a, b) => cosine(vector, b.vector) - cosine(vector, a.vector))
    .slice(0, limit)
    .map((point) => point.id);
}
