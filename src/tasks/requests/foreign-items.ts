import type { Problem } from '../../errors.ts';
import { isJsonObject, type JsonObject } from '../../lib/json.ts';
import { meantKey } from '../guesses.ts';

/** Lines of another provider's batch, or of a training set: their names, and how to recognize them. */
const FOREIGN: [what: string, isOne: (item: JsonObject) => boolean][] = [
  [
    "OpenAI's form of a batch request",
    ({ body, method, url }) =>
      // The model stands in each line of theirs, and with the job of the other.
      isJsonObject(body) && (method !== undefined || url !== undefined || 'model' in body),
  ],
  ["Mistral's form of a batch request", ({ body }) => isJsonObject(body) && 'messages' in body],
  ["Gemini's form of a batch request", ({ request }) => isJsonObject(request) && 'contents' in request],
  ["Vertex AI's form of a batch request", ({ request }) => isJsonObject(request) && 'messages' in request],
  ["Bedrock's form of a batch request", ({ modelInput }) => isJsonObject(modelInput)],
  ['a bare body of the Messages API', ({ messages }) => Array.isArray(messages)],
  ["Gemini's form of a request", ({ contents }) => Array.isArray(contents)],
  ['a conversation from a training set', ({ conversations }) => Array.isArray(conversations)],
  ['a pair from a training set', (item) => 'completion' in item && 'prompt' in item],
  ['a pair from a training set', (item) => 'instruction' in item && 'output' in item],
];

const VALID =
  '{"task_id": "…", "prompt": "…"}, or {"custom_id": "…", "params": {"model": "claude-…", "max_tokens": 1024, "messages": [{"role": ' +
  '"user", "content": "…"}]}}';

const ROWS =
  'such a file as rows_file, with a prompt whose {{places}} are its keys; or {"task_id": "…", "prompt": "…"}';

/**
 * The problem of an item that is a request in another provider's form, or a row of a table: reporting each key would
 * not show what it is. `keys` are those of a task. Null for any other item.
 */
export function foreignItem(item: JsonObject, place: string, keys: readonly string[]): Problem | null {
  if ('params' in item || 'task_id' in item) return null;
  const [what] = FOREIGN.find(([, isOne]) => isOne(item)) ?? [];
  if (what !== undefined)
    return { item: place, problem: `is ${what}`, valid: what.endsWith('training set') ? ROWS : VALID };
  return isRow(item, keys)
    ? { item: place, problem: 'has no key that a task has: it looks like a row of a table', valid: ROWS }
    : null;
}

/** Whether no key belongs to a task, or is a word for one that does. */
function isRow(item: JsonObject, keys: readonly string[]): boolean {
  const given = Object.entries(item);
  return (
    given.length > 0 &&
    given.every(
      ([key, value]) =>
        key !== 'custom_id' && !keys.includes(key) && meantKey(key, keys, value) === undefined,
    )
  );
}
