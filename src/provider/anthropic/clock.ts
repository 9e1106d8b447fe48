import { fetchByHttp } from '../../lib/http-fetch.ts';

/**
 * How many seconds this computer's clock is ahead of the API's, by the `date` header of any answer; null where there is none.
 * Sends no credentials.
 */
export async function readClockSkew(baseUrl: string, timeoutMs: number): Promise<number | null> {
  const answer = await fetchByHttp(`${baseUrl}/v1/models`, { signal: AbortSignal.timeout(timeoutMs) });
  await answer.body?.cancel();
  const date = Date.parse(answer.headers.get('date') ?? '');
  return Number.isNaN(date) ? null : Math.round((Date.now() - date) / 1000);
}
