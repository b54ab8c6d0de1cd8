// What customers think: GET /ratings. Two versions run side by side: `node ratings.ts v1` knows stars, `v2` colours
// them red and gives the average.
import { HttpError, sendJson, serve } from './http.ts';

export interface Ratings {
  readonly version: string;
  /** CSS colour of the stars. */
  readonly colour: string;
  readonly ratings: Readonly<Record<string, { stars: number; average?: number; reviews?: number }>>;
}

const reviews: Readonly<Record<string, readonly number[]>> = {
  yarn: [5, 5, 4, 5],
  loom: [5, 4, 4],
  shuttle: [3, 4, 4, 2, 5],
  heddles: [5, 5, 5, 4, 5, 5],
};

const version = process.argv[2] ?? 'v1';
if (version !== 'v1' && version !== 'v2') {
  console.error('usage: node ratings.ts [v1|v2]');
  process.exit(64);
}

function rate(stars: readonly number[]): Ratings['ratings'][string] {
  const average = stars.reduce((sum, one) => sum + one, 0) / stars.length;
  const rounded = { stars: Math.round(average) };
  return version === 'v1' ? rounded : { ...rounded, average: Math.round(average * 10) / 10, reviews: stars.length };
}

const answer: Ratings = {
  version,
  colour: version === 'v1' ? 'black' : 'red',
  ratings: Object.fromEntries(Object.entries(reviews).map(([id, stars]) => [id, rate(stars)])),
};

serve(`ratings ${version}`, async (request, response) => {
  if (new URL(request.url ?? '/', 'http://ratings').pathname !== '/ratings') throw new HttpError(404, 'try /ratings');
  sendJson(response, 200, answer);
});
