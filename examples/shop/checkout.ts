// What it would cost: GET /quote asks the cart what is in it and the catalog what that costs.
import type { Cart } from './cart.ts';
import type { Product } from './catalog.ts';
import { getJson, HttpError, sendJson, serve, serviceUrl } from './http.ts';

export interface Quote {
  readonly lines: readonly { readonly product: string; readonly quantity: number; readonly amount: number }[];
  /** In cents, like all amounts. */
  readonly shipping: number;
  readonly total: number;
}

const freeShippingFrom = 5000;

serve('checkout', async (request, response) => {
  if (new URL(request.url ?? '/', 'http://checkout').pathname !== '/quote') throw new HttpError(404, 'try /quote');
  const [cart, catalog] = await Promise.all([
    getJson<Cart>(`${serviceUrl('cart')}/cart`, request),
    getJson<{ products: Product[] }>(`${serviceUrl('catalog')}/products`, request),
  ]);
  const prices = new Map(catalog.products.map((product) => [product.id, product.price]));
  const lines = cart.items.flatMap(({ product, quantity }) => {
    const price = prices.get(product);
    return price === undefined ? [] : [{ product, quantity, amount: price * quantity }];
  });
  const sum = lines.reduce((total, line) => total + line.amount, 0);
  const shipping = sum === 0 || sum >= freeShippingFrom ? 0 : 490;
  const quote: Quote = { lines, shipping, total: sum + shipping };
  sendJson(response, 200, quote);
});
