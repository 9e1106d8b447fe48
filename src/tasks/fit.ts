import type { Problem } from '../errors.ts';
import type { PromptSize } from '../provider/dialect.ts';
import type { Model } from '../provider/models.ts';

/** No text takes fewer tokens than a byte in ten; English takes about one in four. */
const MOST_BYTES_PER_TOKEN = 10;
const USUAL_BYTES_PER_TOKEN = 4;

/**
 * Whether a request of so many bytes fits the model's context. One that can't in any case is a problem; one
 * that probably does not is worth a warning: it would fail, or be cut off, after hours of waiting.
 */
export function checkFit(
  { model, prompt }: { model: Model; prompt: PromptSize },
  requestBytes: number,
): { problem?: Problem; warning?: string } | null {
  const least = model.token_factor / USUAL_BYTES_PER_TOKEN;
  // Nearly every request: as a whole it is short enough, so its prompt is.
  if (requestBytes * least <= model.context_tokens) return null;
  const { bytes, has_media } = prompt;
  if (!has_media && bytes / MOST_BYTES_PER_TOKEN > model.context_tokens) {
    return {
      problem: {
        problem: `is ${bytes} bytes of text, more than ${model.id} can read at once (${model.context_tokens} tokens)`,
        valid: 'a shorter input: split it into several tasks',
      },
    };
  }
  if (bytes * least <= model.context_tokens) return null;
  return {
    warning: `A prompt is probably too long for the ${model.context_tokens} tokens that ${model.id} can read: such a task fails or is cut off`,
  };
}
