import { createHash } from 'node:crypto';
import { readdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { hasErrorCode } from '../../errors.ts';
import { makeFolder } from '../../lib/files/durable-write.ts';
import { readRegularFile } from '../../lib/files/regular-file.ts';
import { modelTable } from '../anthropic/models/price-table.ts';
import { cachedText, promptSize } from '../anthropic/requests/prompt-size.ts';

/** How long a cache entry is kept, in milliseconds, by the request's word for it. */
const KEPT_MS = { '5m': 5 * 60_000, '1h': 60 * 60_000 };

/** What part of a request is to be cached, under a name of its own. */
export type CachedPrompt = { key: string; text: string; ttl: '5m' | '1h' };

/** Null where nothing is marked. */
export function cachedPrompt(params: Readonly<Record<string, unknown>>): CachedPrompt | null {
  const { cached_bytes, cache_ttl: ttl } = promptSize(params);
  if (cached_bytes === 0) return null;
  const text = cachedText(params);
  const key = createHash('sha256')
    .update(`${String(params.model)} ${text}`)
    .digest('hex');
  return { key, text, ttl };
}

/** What a request reads out of the cache, or writes into it, in tokens. */
export type CacheUse = { read: number; written: number; ttl: '5m' | '1h' };
export const noCache: CacheUse = { read: 0, written: 0, ttl: '5m' };

/** The usage of a request whose marked text has this many tokens, where the cache held these prompts when its batch was made. */
export function useOf(
  model: string,
  { key, ttl }: CachedPrompt,
  tokens: number,
  warm: ReadonlySet<string>,
): CacheUse {
  const least = modelTable.rows.find(({ id }) => id === model)?.min_cacheable_tokens ?? 0;
  if (tokens < least) return noCache;
  return warm.has(key) ? { read: tokens, written: 0, ttl } : { read: 0, written: tokens, ttl };
}

/** What batches have written, and how long it is kept: the requests of one run side by side, so none reads what another wrote. */
export async function openPromptCache(folder: string) {
  const fileOf = (key: string) => path.join(folder, key);

  /** Since when a prompt is kept, or will be; null where it is not, or no longer. */
  async function keptSince(key: string, now: number): Promise<number | null> {
    try {
      const [from = '', until = ''] = (await readRegularFile(fileOf(key))).split(' ');
      return Number(until) < now ? null : Number(from);
    } catch (error) {
      if (hasErrorCode(error, 'ENOENT')) return null;
      throw error;
    }
  }

  return {
    /** Which of these were there at `now`. From the batch's end on all are, whatever was there before. */
    async take(
      prompts: ReadonlyMap<string, CachedPrompt['ttl']>,
      now: number,
      ends: number,
    ): Promise<string[]> {
      if (prompts.size === 0) return [];
      await makeFolder(folder);
      await removeCold(now);
      const warm: string[] = [];
      for (const [key, ttl] of prompts) {
        const since = await keptSince(key, now);
        if (since !== null && since <= now) warm.push(key);
        await writeFile(fileOf(key), `${Math.min(since ?? ends, ends)} ${ends + KEPT_MS[ttl]}`, {
          mode: 0o600,
        });
      }
      return warm;
    },
  };

  async function removeCold(now: number): Promise<void> {
    for (const key of await readdir(folder)) {
      const [, until = ''] = (await readRegularFile(fileOf(key)).catch(() => '')).split(' ');
      // Another process may be writing it.
      if (Number(until) < now) await rm(fileOf(key), { force: true });
    }
  }
}
