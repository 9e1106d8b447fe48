import { createHash } from 'node:crypto';
import { count } from '../lib/numbers.ts';
import type { PromptSize } from '../provider/dialect.ts';

/** About 4,096 tokens, the most that any model asks of a prompt before it caches it (prompt caching documentation). */
const BEGINNING_BYTES = 16_384;
/** Fewer requests with the same beginning are hardly worth the trouble. */
const REQUESTS_WORTH = 10;
const BEGINNINGS_KEPT = 1_000;

/** Finds a long text with which many requests begin, and which none of them marks for caching. */
export function createSharedBeginnings() {
  const found = new Map<string, number>();

  function note(key: string, requests: number): void {
    const known = found.get(key);
    if (known !== undefined) found.set(key, known + requests);
    else if (found.size < BEGINNINGS_KEPT) found.set(key, requests);
  }

  return {
    /** `text` gives the text of the prompt. */
    add(prompt: PromptSize, text: () => string) {
      if (prompt.cached_bytes > 0 || prompt.bytes < BEGINNING_BYTES) return;
      const beginning = Buffer.from(text()).subarray(0, BEGINNING_BYTES);
      note(createHash('sha256').update(beginning).digest('base64'), 1);
    },
    /** Adds what another list has found, as on another thread. */
    merge(beginnings: ReadonlyMap<string, number>) {
      for (const [key, requests] of beginnings) note(key, requests);
    },
    found: (): ReadonlyMap<string, number> => found,
    /** How many requests the most frequent beginning has. */
    most: () => Math.max(0, ...found.values()),
  };
}

/** What to do about a document that is paid for in every request. */
export function sharedDocumentAdvice(requests: number): string[] {
  if (requests < REQUESTS_WORTH) return [];
  return [
    `${count(requests)} requests begin with the same long text (its first ${count(BEGINNING_BYTES)} bytes at least), and each pays for all of ` +
      'it. Pack several of these tasks into one request, so that it is read once for all of them; or give native requests ' +
      'with cache_control at its end: estimate_cost then says what that is worth.',
  ];
}
