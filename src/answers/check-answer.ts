import { isJsonObject, type JsonObject } from '../lib/json.ts';
import { type Ground, loadSchemaCompiler, type SchemaCheck, type SchemaFinding } from '../lib/json-schema.ts';
import { repeatsKey } from '../lib/json-source.ts';
import { dialectOf } from '../provider/dialects.ts';
import type { ModelAnswer, ResultError } from '../provider/result.ts';
import { partSchemas, SCHEMAS } from '../store/names.ts';
import type { BatchRecord } from '../store/record.ts';
import { readSchemas } from '../store/schemas.ts';
import type { Blobs } from '../store/store.ts';
import { damaged } from '../store/stored-json.ts';
import { IN_INPUT, MAX_COLUMN } from '../tasks/examine/kept-task.ts';
import { type AnswerForm, exact, jsonOf } from './answer-json.ts';
import { openGrounds } from './task-ground.ts';

/** Whether an answer can be used: an `error` says why not, `unchecked` why that can't be told. */
export type Verdict = { error: ResultError | null; fenced: boolean; unchecked?: string };

export type AnswerCheck = {
  judge(form: AnswerForm, answer: ModelAnswer, ground?: Ground): Verdict;
  /** What the answer to a task is held against beside its schema; undefined where that asks for nothing of the kind. */
  groundOf(form: AnswerForm, ordinal: number): Promise<Ground> | undefined;
  /** Whether any of the schemas asks for such. */
  readonly isGrounded: boolean;
  /** How often judging took so long that whoever judges many has to let others in: where a schema had to be made into a check, say. */
  readonly delays: number;
};

/** More are kept only of work whose every task has a schema of its own. */
const CHECKS_KEPT = 100;

/** Less than this nobody notices. */
const DELAY_MS = 5;

export const invalidAnswer = (why: string): ResultError => ({
  type: 'invalid_answer',
  message: `The answer breaks its output_schema: ${why}.`,
});

/** Makes checks of the schemas that a batch's answers were asked for by. */
export async function loadAnswerCheck(
  blobs: Blobs,
  record: Pick<BatchRecord, 'parts' | 'request_count' | 'provider'>,
): Promise<AnswerCheck> {
  const { parts, provider } = record;
  const listed = parts.filter(({ tasks }) => tasks === 'listed');
  const names = [SCHEMAS, ...listed.map(({ number }) => partSchemas(number))];
  const [compile, schemas] = await Promise.all([loadSchemaCompiler(), readSchemas(blobs, names)]);
  // Answers that are made up quote nothing.
  const grounded = new Set(
    [...schemas].flatMap(([hash, schema]) => (provider !== 'sandbox' && hasGround(schema) ? [hash] : [])),
  );
  const grounds = grounded.size === 0 ? null : await openGrounds(blobs, record, dialectOf(provider));
  const checks = new Map<string, SchemaCheck>();
  let delays = 0;

  function checkFor(hash: string): SchemaCheck {
    const known = checks.get(hash);
    if (known !== undefined) return known;
    const schema = schemas.get(hash);
    if (schema === undefined)
      throw damaged(blobs.describe(SCHEMAS), 'a schema by which answers were requested is missing from it');
    const made = compile(schemaOf(schema));
    // Checked when the work was submitted: one that is none by now is of another version, and is no fault of the answer.
    const check = 'check' in made ? made.check : () => null;
    checks.set(hash, check);
    for (const oldest of [...checks.keys()].slice(0, Math.max(0, checks.size - CHECKS_KEPT)))
      checks.delete(oldest);
    return check;
  }

  return {
    get delays() {
      return delays;
    },
    isGrounded: grounded.size > 0,
    groundOf: ({ schema }, ordinal) =>
      schema === null || !grounded.has(schema) ? undefined : grounds?.(ordinal),
    judge({ schema }, { text, tool_calls }, ground) {
      // A turn that calls a tool is no answer yet, and need not look like one.
      if (tool_calls.length > 0) return { error: null, fenced: false };
      const found = jsonOf(text);
      if (found === null) return { error: invalidAnswer('it is not JSON'), fenced: false };
      const begun = performance.now();
      const check = schema === null ? isObject : checkFor(schema);
      // Which of the two was meant nobody can tell.
      const finding: SchemaFinding | null = repeatsKey(found.source, found.json)
        ? { wrong: 'it has a key twice in one object' }
        : check(found.json, ground, found.source);
      if (performance.now() - begun > DELAY_MS) delays += 1;
      const { fenced } = found;
      if (finding === null) return { error: null, fenced };
      // An answer that was paid for is not called wrong, and paid for again, because of a schema.
      if ('unchecked' in finding) return { error: null, fenced, unchecked: finding.unchecked };
      return { error: invalidAnswer(finding.wrong), fenced: false };
    },
  };
}

const hasGround = (schema: string) =>
  [IN_INPUT, MAX_COLUMN].some((keyword) => schema.includes(`"${keyword}"`));

const isObject: SchemaCheck = (value) => (isJsonObject(value) ? null : { wrong: 'it is not an object' });

function schemaOf(text: string): JsonObject {
  const schema = exact(text);
  return isJsonObject(schema) ? schema : { type: 'object' };
}
