import type { ApiRequest } from './api-server.ts';

/** As the stand-in counts: four characters a token. */
const tokensOf = (value: unknown) => Math.ceil(JSON.stringify(value).length / 4);

/** The blocks of a request's only turn up to the last that is marked for the cache, as what is kept of them. */
function markedBlocks({ params }: ApiRequest): string | null {
  const [message] = params.messages as { content: string | { cache_control?: object }[] }[];
  const content = typeof message?.content === 'string' ? [] : (message?.content ?? []);
  const last = content.findLastIndex(({ cache_control }) => cache_control !== undefined);
  return last === -1 ? null : JSON.stringify([params.model, params.system, content.slice(0, last + 1)]);
}

export const isMarked = (request: ApiRequest): boolean => markedBlocks(request) !== null;

/**
 * Bills requests as an API whose cache knows what earlier batches have written: those of one batch run side by side, and
 * none of them reads what another of them writes.
 */
export function createApiCache(outputTokens = 5) {
  const kept = new Set<string>();
  return {
    /** What a batch of these requests is billed, in their order. */
    bill(requests: readonly ApiRequest[]): object[] {
      const known = new Set(kept);
      return requests.map((request) => {
        const marked = markedBlocks(request);
        const all = tokensOf(request.params.messages);
        const cached = marked === null ? 0 : tokensOf(marked);
        const isRead = marked !== null && known.has(marked);
        if (marked !== null) kept.add(marked);
        const written = isRead ? 0 : cached;
        return {
          input_tokens: all - Math.min(all, cached),
          cache_creation_input_tokens: written,
          cache_creation: { ephemeral_5m_input_tokens: 0, ephemeral_1h_input_tokens: written },
          cache_read_input_tokens: isRead ? cached : 0,
          output_tokens: outputTokens,
          service_tier: 'batch',
        };
      });
    },
  };
}
