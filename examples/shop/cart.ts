// What is in the basket: GET /cart; POST /cart/<product>?quantity=1 puts something in. One basket for all, in memory.
import { HttpError, sendJson, serve } from './http.ts';

export interface Cart {
  readonly items: readonly { readonly product: string; readonly quantity: number }[];
}

const items = new Map<string, number>([
  ['yarn', 3],
  ['shuttle', 1],
]);

function cart(): Cart {
  return { items: [...items].map(([product, quantity]) => ({ product, quantity })) };
}

serve('cart', async (request, response) => {
  const url = new URL(request.url ?? '/', 'http://cart');
  const [, product] = /^\/cart\/([a-z]{1,20})$/.exec(url.pathname) ?? [];
  if (request.method === 'POST' && product !== undefined) {
    const quantity = Number(url.searchParams.get('quantity') ?? 1);
    if (!Number.isInteger(quantity) || quantity < 1 || quantity > 99) throw new HttpError(400, 'quantity is 1 to 99');
    if (!items.has(product) && items.size >= 20) throw new HttpError(409, 'the basket is full');
    items.set(product, quantity);
  } else if (url.pathname !== '/cart') {
    throw new HttpError(404, 'try /cart');
  }
  sendJson(response, 200, cart());
});
