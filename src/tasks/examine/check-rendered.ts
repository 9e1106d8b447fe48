import type { Problem } from '../../errors.ts';
import { parseExact, stringifyExact } from '../../lib/exact-json.ts';
import { counted } from '../../lib/numbers.ts';
import type { Dialect, PromptSize } from '../../provider/dialect.ts';
import type { Model, ModelCatalog } from '../../provider/models.ts';
import { checkModelLife, noLiveModels } from '../live-models.ts';
import type { RenderedTask } from '../render/rendered-task.ts';

type Findings = { problems: Problem[]; warnings: string[] };

/** What a request is checked by. */
export type Circumstances = {
  partBytes: number;
  dialect: Dialect;
  /** As `2026-11-22`. */
  today: string;
  catalog: ModelCatalog;
};

/**
 * The problems and warnings of a rendered request if it were sent today: its media, its size and its model's life.
 */
export function checkRendered(
  rendered: RenderedTask,
  bytes: number,
  { partBytes, dialect, today, catalog }: Circumstances,
): Findings {
  const problems = checkMedia(rendered, dialect);
  const warnings = [...rendered.warnings];
  for (const found of [
    checkSize(bytes, Math.min(partBytes, dialect.limits.requestBytes)),
    checkFit(rendered, bytes),
    checkSearches(rendered),
    checkModelLife(rendered.model, { today, catalog, live: noLiveModels }),
  ]) {
    if (found?.problem !== undefined) problems.push(found.problem);
    if (found?.warning !== undefined) warnings.push(found.warning);
  }
  return { problems, warnings };
}

/** Without the fields of the problems: a caller who gave files does not know the blocks that they become. */
function checkMedia({ params, model, prompt }: RenderedTask, { requests }: Dialect): Problem[] {
  if (!prompt.has_media) return [];
  return requests
    .checkMedia(params, model)
    .map(({ problem, valid }) => ({ problem, ...(valid && { valid }) }));
}

/** Without a bound no ceiling would hold, since searches are paid for individually. */
function checkSearches({ prompt }: RenderedTask): { problem: Problem; warning?: string } | null {
  if (prompt.searches !== null) return null;
  return {
    problem: {
      field: 'tools',
      problem: 'web_search has no max_uses, so its maximum cost is unknown',
      valid: 'max_uses, as in {"type": "web_search_…", "name": "web_search", "max_uses": 3}',
    },
  };
}

function checkSize(bytes: number, most: number): { problem: Problem; warning?: string } | null {
  if (bytes <= most) return null;
  return {
    problem: {
      problem: `is ${bytes} bytes as a request, more than one can have`,
      valid: `at most ${most} bytes; split its input`,
    },
  };
}

/** Collects warnings: each is reported once, with the number of tasks where it does not apply to all. */
export function createWarningList() {
  const times = new Map<string, number>();
  return {
    add(warnings: readonly string[]) {
      for (const warning of warnings) times.set(warning, (times.get(warning) ?? 0) + 1);
    },
    /** Adds the warnings of another list, for instance from another thread. */
    merge(counts: ReadonlyMap<string, number>) {
      for (const [warning, count] of counts) times.set(warning, (times.get(warning) ?? 0) + count);
    },
    counts: (): ReadonlyMap<string, number> => times,
    texts: (tasks: number): string[] =>
      [...times].map(([text, count]) => (count === tasks ? text : `${text} (${counted(count, 'task')})`)),
  };
}

/** No text takes fewer tokens than a byte in ten; English takes about one in four. */
const MOST_BYTES_PER_TOKEN = 10;
const USUAL_BYTES_PER_TOKEN = 4;

/**
 * Whether a request fits the model's context. One that can't possibly fit is a problem; one that probably does not is
 * worth a warning: it would fail, or be cut off, after hours of waiting.
 */
function checkFit(
  { model, prompt }: { model: Model; prompt: PromptSize },
  requestBytes: number,
): { problem?: Problem; warning?: string } | null {
  const least = model.token_factor / USUAL_BYTES_PER_TOKEN;
  // True of nearly every request: if it is short enough as a whole, so is its prompt.
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

const BEGINNING = 150;
const END = 450;

/** A file's data, which nobody reads. */
const DATA = /"data"\s*:\s*"([A-Za-z0-9+/=]{200,})"/g;

/**
 * A request for a person to look at: its beginning with the settings, and its end with the filled-in content. Numbers
 * are as they are sent.
 */
export function previewOf(request: string): string {
  const short = request.replaceAll(
    DATA,
    (_, { length }: string) => `"data":"(${length} characters of base64)"`,
  );
  const text = stringifyExact(parseExact(short).value);
  if (text.length <= BEGINNING + END) return text;
  return `${text.slice(0, BEGINNING).toWellFormed()} … ${text.slice(-END).toWellFormed()}`;
}
