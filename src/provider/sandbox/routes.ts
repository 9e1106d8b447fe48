import { type Refusal, refuse } from './wire-answer.ts';

/** What a route gives back: a JSON value, the lines of a download, or a no. */
export type Answer = { ok: true; body: object } | { ok: true; lines: AsyncIterable<string[]> } | Refusal;

export type RouteName = 'create' | 'list' | 'retrieve' | 'cancel' | 'delete' | 'results' | 'count' | 'models';

export type Route = { ok: true; name: RouteName; id: string; query: URLSearchParams };

const table: { method: string; path: RegExp; name: RouteName }[] = [
  { method: 'POST', path: /^\/v1\/messages\/batches$/, name: 'create' },
  { method: 'GET', path: /^\/v1\/messages\/batches$/, name: 'list' },
  { method: 'GET', path: /^\/v1\/messages\/batches\/([^/]+)$/, name: 'retrieve' },
  { method: 'DELETE', path: /^\/v1\/messages\/batches\/([^/]+)$/, name: 'delete' },
  { method: 'POST', path: /^\/v1\/messages\/batches\/([^/]+)\/cancel$/, name: 'cancel' },
  { method: 'GET', path: /^\/v1\/messages\/batches\/([^/]+)\/results$/, name: 'results' },
  { method: 'POST', path: /^\/v1\/messages\/count_tokens$/, name: 'count' },
  { method: 'GET', path: /^\/v1\/models$/, name: 'models' },
];

export function matchRoute(method: string, target: string): Route | Refusal {
  const { pathname, searchParams } = new URL(target, 'http://sandbox');
  for (const { path, name, ...route } of table) {
    const match = route.method === method ? path.exec(pathname) : null;
    if (match) return { ok: true, name, id: match[1] ?? '', query: searchParams };
  }
  return refuse(404, 'Not found');
}
