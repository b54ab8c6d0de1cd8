// What the shop sells: GET /products, GET /products/<id>.
import { HttpError, sendJson, serve } from './http.ts';

export interface Product {
  readonly id: string;
  readonly name: string;
  readonly description: string;
  /** In cents. */
  readonly price: number;
}

const products: readonly Product[] = [
  { id: 'yarn', name: 'Merino yarn', description: 'Soft, 100 g, the colour of a rainy sea', price: 890 },
  { id: 'loom', name: 'Table loom', description: 'Eight shafts, folds away when the cat comes', price: 42_900 },
  { id: 'shuttle', name: 'Boat shuttle', description: 'Turned from beech, glides by itself', price: 3450 },
  { id: 'heddles', name: 'Wire heddles', description: 'A hundred of them, each guiding one thread', price: 1290 },
];

serve('catalog', async (request, response) => {
  const path = new URL(request.url ?? '/', 'http://catalog').pathname;
  if (path === '/products') return sendJson(response, 200, { products });
  const product = products.find((candidate) => path === `/products/${candidate.id}`);
  if (product === undefined) throw new HttpError(404, `nothing is sold at ${path}`);
  sendJson(response, 200, product);
});
