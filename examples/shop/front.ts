// The shop's page: GET / asks catalog, ratings, cart and checkout, all at once, and puts their answers together: HTML
// for a browser, JSON for who asks for it. Without the catalog there is no page; without another part there is a gap.
import type { Cart } from './cart.ts';
import type { Product } from './catalog.ts';
import type { Quote } from './checkout.ts';
import { getJson, HttpError, type Request, sendJson, serve, serviceUrl } from './http.ts';
import type { Ratings } from './ratings.ts';

interface Page {
  readonly products: readonly Product[];
  readonly ratings: Ratings | null;
  readonly cart: Cart | null;
  readonly checkout: Quote | null;
  /** What could not be had, and why. */
  readonly degraded: Readonly<Record<string, string>>;
}

async function compose(request: Request): Promise<Page> {
  const degraded: Record<string, string> = {};
  const optional = <T>(name: string, path: string): Promise<T | null> =>
    getJson<T>(serviceUrl(name) + path, request).catch((error: Error) => {
      degraded[name] = error.message;
      return null;
    });
  const [catalog, ratings, cart, checkout] = await Promise.all([
    getJson<{ products: Product[] }>(`${serviceUrl('catalog')}/products`, request),
    optional<Ratings>('ratings', '/ratings'),
    optional<Cart>('cart', '/cart'),
    optional<Quote>('checkout', '/quote'),
  ]);
  return { products: catalog.products, ratings, cart, checkout, degraded };
}

const money = (cents: number) => `€ ${(cents / 100).toFixed(2)}`;
const escapeHtml = (text: string) => text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);

function stars(ratings: Ratings | null, id: string): string {
  const rating = ratings?.ratings[id];
  if (ratings === null || rating === undefined) return '<em>no ratings at the moment</em>';
  const average = rating.average === undefined ? '' : ` ${rating.average} of ${rating.reviews} reviews`;
  return `<span style="color:${escapeHtml(ratings.colour)}">${'★'.repeat(rating.stars)}${'☆'.repeat(5 - rating.stars)}</span>${average}`;
}

function html(page: Page): string {
  const rows = page.products.map(
    (product) =>
      `<li><b>${escapeHtml(product.name)}</b> ${money(product.price)}<br>${escapeHtml(product.description)}<br>${stars(page.ratings, product.id)}</li>`,
  );
  const basket = page.cart?.items.map(({ product, quantity }) => `<li>${quantity} × ${escapeHtml(product)}</li>`);
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>The Heddle shop</title>
<style>body{font:16px/1.5 system-ui;max-width:44rem;margin:2rem auto;padding:0 1rem}li{margin:.6rem 0}footer{color:#555}</style>
</head><body><h1>The Heddle shop</h1>
<ul>${rows.join('\n')}</ul>
<h2>Your basket</h2><ul>${basket?.join('\n') ?? '<em>no basket at the moment</em>'}</ul>
<p>Total with shipping: <b>${page.checkout === null ? '?' : money(page.checkout.total)}</b></p>
<footer>ratings ${escapeHtml(page.ratings?.version ?? 'unavailable')}</footer></body></html>
`;
}

serve('front', async (request, response) => {
  if (new URL(request.url ?? '/', 'http://front').pathname !== '/') throw new HttpError(404, 'the shop is at /');
  const page = await compose(request);
  if (!/\btext\/html\b/.test(request.headers.accept ?? '')) return sendJson(response, 200, page);
  response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' });
  response.end(html(page));
});
