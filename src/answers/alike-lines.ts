import * as z from 'zod';
import { shapeOf } from '../lib/json-shape.ts';
import { type ResultLine, readResultLine } from '../provider/anthropic/results/result-line.ts';
import { withoutContent } from '../provider/anthropic/results/without-content.ts';

type ReadText = (text: string) => ResultLine | null;

/** With caching and tools and without, and as several models have them: more ways than answers are written in. */
const MOST_SHAPES = 8;
/** A longer text is none that many lines have. */
const LONGEST_SHAPE = 4_000;

/**
 * Reads results lines that are checked and counted only: their answers' content is left out. How answers are written is
 * learned from those that came before, and one that is written alike is read without parsing.
 */
export function createLineReader(): (line: Buffer) => ResultLine | null {
  const alike: ReadText[] = [];
  return (line) => {
    const text = withoutContent(line);
    for (const read of alike) {
      const result = read(text);
      if (result !== null) return result;
    }
    const result = readResultLine(text);
    if (result?.type === 'succeeded' && alike.length < MOST_SHAPES && text.length <= LONGEST_SHAPE) {
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
        cache_creation: z
          .object({ ephemeral_5m_input_tokens: count, ephemeral_1h_input_tokens: count })
          .nullish(),
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
    return {
      type: 'succeeded',
      custom_id: textAt(custom_id),
      message: {
        model: textAt(model),
        content: [],
        stop_reason: stop_reason === null ? null : textAt(stop_reason),
        usage: {
          input_tokens: countAt(usage.input_tokens),
          output_tokens: countAt(usage.output_tokens),
          cache_read_input_tokens: countAt(usage.cache_read_input_tokens),
          cache_creation_input_tokens: countAt(usage.cache_creation_input_tokens),
          cache_creation: cache_creation
            ? {
                ephemeral_5m_input_tokens: countAt(cache_creation.ephemeral_5m_input_tokens),
                ephemeral_1h_input_tokens: countAt(cache_creation.ephemeral_1h_input_tokens),
              }
            : null,
          server_tool_use: server_tool_use
            ? { web_search_requests: countAt(server_tool_use.web_search_requests) }
            : null,
          inference_geo: inference_geo ? textAt(inference_geo) : null,
        },
      },
    };
  };
}
