import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import type { Answer } from './api-route.ts';

const contentTypes: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.ico': 'image/x-icon',
  '.woff2': 'font/woff2',
  '.json': 'application/json; charset=utf-8',
  '.webmanifest': 'application/manifest+json',
  '.txt': 'text/plain; charset=utf-8',
};

interface StaticFile {
  readonly body: Buffer;
  readonly contentType: string;
  readonly etag: string;
}

const missingConsole = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Heddle</title>
<h1>The console is not built</h1>
<p>Run <code>npm run build:ui</code> and start the control plane again. The API is at <a href="/api/v1/info">/api/v1</a>.</p>
</html>
`;

/**
 * The console's files, read into memory once at the start: no path of a request ever reaches the file system
 * (security.md UI-09). Dotfiles, source maps, links and unknown types are left out.
 */
export class StaticFiles {
  readonly #files = new Map<string, StaticFile>();

  constructor(directory: string) {
    if (!fs.existsSync(directory)) return;
    for (const entry of fs.readdirSync(directory, { recursive: true, withFileTypes: true })) {
      if (!entry.isFile() || entry.name.startsWith('.')) continue;
      const contentType = contentTypes[path.extname(entry.name)];
      if (contentType === undefined) continue;
      const file = path.join(entry.parentPath, entry.name);
      const body = fs.readFileSync(file);
      const etag = `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"`;
      this.#files.set(`/${path.relative(directory, file).split(path.sep).join('/')}`, { body, contentType, etag });
    }
  }

  /**
   * The answer for a GET of a path; `undefined` when there is none. A path of the console's own (`/traces/4f2a`, any
   * without a file extension) gets the page that knows what to do with it.
   */
  find(urlPath: string, ifNoneMatch: string | undefined): Answer | undefined {
    if (urlPath !== '/' && this.#files.has(urlPath)) return this.#answer(urlPath, ifNoneMatch);
    if (/\.[^/]*$/.test(urlPath) || /^\/(?:api|v1)(?:\/|$)/.test(urlPath)) return undefined;
    if (this.#files.has('/index.html')) return this.#answer('/index.html', ifNoneMatch);
    return { status: 200, contentType: 'text/html; charset=utf-8', body: missingConsole };
  }

  #answer(urlPath: string, ifNoneMatch: string | undefined): Answer | undefined {
    const file = this.#files.get(urlPath);
    if (file === undefined) return undefined;
    // Vite puts a hash of the content into the names of assets.
    const cache = urlPath.startsWith('/assets/') ? 'public, max-age=31536000, immutable' : 'no-cache';
    const headers = { etag: file.etag, 'cache-control': cache };
    if (ifNoneMatch === file.etag) return { status: 304, contentType: file.contentType, body: '', headers };
    return { status: 200, contentType: file.contentType, body: file.body, headers };
  }
}
