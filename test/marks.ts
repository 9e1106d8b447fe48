import type { ApiRequest } from './api-server.ts';

/** The mark under which the product sends the last request of a part, and that request's own id. */
export type SentMark = { sent: string; own: string };

const MARKED = /^([a-zA-Z0-9_-]{1,38})_mark_[a-zA-Z0-9]{20}$/;

/** The own id of a request, whatever it was sent under. */
export const ownId = (sent: string): string => MARKED.exec(sent)?.[1] ?? sent;

/** Requests under their own ids, and the mark of the last of them; null for those of another program. */
export function readMark(requests: readonly ApiRequest[]): { requests: ApiRequest[]; mark: SentMark | null } {
  const sent = requests.at(-1)?.custom_id ?? '';
  const own = ownId(sent);
  return {
    requests: requests.map((request) => ({ ...request, custom_id: ownId(request.custom_id) })),
    mark: own === sent ? null : { sent, own },
  };
}

/** Results that were made for requests under their own ids, as the API gives them: its line under the mark. */
export function withMark(results: Buffer, mark: SentMark | null): Buffer {
  const own = Buffer.from(`"custom_id":"${mark?.own}"`);
  const at = mark === null ? -1 : results.indexOf(own);
  if (at === -1) return results;
  return Buffer.concat([
    results.subarray(0, at),
    Buffer.from(`"custom_id":"${mark?.sent}"`),
    withMark(results.subarray(at + own.length), mark),
  ]);
}
