import * as z from 'zod';
import { shapeOf } from '../../../lib/json-shape.ts';
import type { CountedResult } from '../../dialect.ts';
import { countAnswer, countResultLine } from './result-line.ts';
import { withoutContent } from './without-content.ts';

type ReadText = (text: string) => CountedResult | null;

/** With caching and tools and without, and as several models have them: more ways than answers are written in. */
const MOST_SHAPES = 8;
/** A longer text is none that many lines have. */
const LONGEST_SHAPE = 4_000;

/**
 * Reads results lines that are checked and counted only: their answers' content is left out. How answers are written is
 * learned from those that came before, and one that is written alike is read without parsing.
 */
export function createLineCounter(): (line: Buffer) => CountedResult | null {
  const alike: ReadText[] = [];
  return (line) => {
    const text = withoutContent(line);
    for (const read of alike) {
      const result = read(text);
      if (result !== null) return result;
    }
    const result = countResultLine(text);
    if (
      result !== null &&
      result.usage !== null &&
      alike.length < MOST_SHAPES &&
      text.length <= LONGEST_SHAPE
    ) {
      const read = readerOfAlike(text);
      if (read !== null) alike.push(read);
    }
    return result;
  };
}

const text = z.string().transform(Number);
const count = z.int();

/** Where a plain answer has what is counted. */
const answerPlaces = z.object({
  custom_id: text,
  result: z.object({
    type: text,
    message: z.object({
      model: text,
      content: z.tuple([]),
      stop_reason: text.nullable(),
      usage: z.object({
        input_tokens: count,
        output_tokens: count,
        cache_read_input_tokens: count,
        cache_creation_input_tokens: count,
        cache_creation: z.object({ ephemeral_1h_input_tokens: count }).nullish(),
        server_tool_use: z.object({ web_search_requests: count }).nullish(),
        inference_geo: text.nullish(),
      }),
    }),
  }),
});

/** Reads what is written as this line of an answer is, and gives null for all else; null where the line is not plain. */
function readerOfAlike(line: string): ReadText | null {
  const shape = shapeOf(line);
  const places = answerPlaces.safeParse(shape?.places);
  if (shape === null || !places.success) return null;
  const { pattern } = shape;
  const { custom_id, result } = places.data;
  const { model, stop_reason, usage } = result.message;
  const { cache_creation, server_tool_use, inference_geo } = usage;
  return (given) => {
    const found = pattern.exec(given);
    if (found?.[result.type] !== 'succeeded') return null;
    const textAt = (place: number) => found[place] ?? '';
    const countAt = (place: number) => Number(found[place]);
    const longWrites = cache_creation ? countAt(cache_creation.ephemeral_1h_input_tokens) : 0;
    const written = countAt(usage.cache_creation_input_tokens);
    return countAnswer(textAt(custom_id), stop_reason === null ? null : textAt(stop_reason), {
      model: textAt(model),
      tokens: {
        input_tokens: countAt(usage.input_tokens),
        output_tokens: countAt(usage.output_tokens),
        cache_read_tokens: countAt(usage.cache_read_input_tokens),
        cache_write_5m_tokens: Math.max(0, written - longWrites),
        cache_write_1h_tokens: longWrites,
        web_searches: server_tool_use ? countAt(server_tool_use.web_search_requests) : 0,
      },
      inference_geo: inference_geo ? textAt(inference_geo) : null,
    });
  };
}
