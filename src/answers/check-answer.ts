import { isJsonObject, type JsonObject } from '../lib/json.ts';
import { repeatsKey } from '../lib/json-source.ts';
import { loadSchemaCompiler, type SchemaCheck, type SchemaFinding } from '../lib/schema/json-schema.ts';
import type { Ground } from '../lib/schema/schema-keywords.ts';
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

/** Whether an answer is usable: `error` says why not, `unchecked` why it could not be checked. */
type Verdict = { error: ResultError | null; fenced: boolean; unchecked?: string };

export type AnswerCheck = {
  judge(form: AnswerForm, answer: ModelAnswer, ground?: Ground): Verdict;
  /**
   * The input that a task's answer is compared with besides its schema; undefined if the schema asks for no such
   * comparison.
   */
  groundOf(form: AnswerForm, ordinal: number): Promise<Ground> | undefined;
  /** Whether any of the schemas asks for that. */
  readonly isGrounded: boolean;
  /**
   * How often judging took so long that a loop should yield to other work, for instance while a schema was compiled.
   */
  readonly delays: number;
};

/** Only work with a schema per task would need more. */
const CHECKS_KEPT = 100;

/** A shorter delay goes unnoticed. */
const DELAY_MS = 5;

export const invalidAnswer = (why: string): ResultError => ({
  type: 'invalid_answer',
  message: `The answer breaks its output_schema: ${why}.`,
});

/** Makes checks from the schemas of a batch's answers. */
export async function loadAnswerCheck(
  blobs: Blobs,
  record: Pick<BatchRecord, 'parts' | 'request_count' | 'provider'>,
): Promise<AnswerCheck> {
  const { parts, provider } = record;
  const listed = parts.filter(({ tasks }) => tasks === 'listed');
  const names = [SCHEMAS, ...listed.map(({ number }) => partSchemas(number))];
  const [compile, schemas] = await Promise.all([loadSchemaCompiler(), readSchemas(blobs, names)]);
  // The sandbox's answers quote nothing.
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
    // It was checked at submission. If it does not compile now, another version wrote it, which is not the answer's
    // fault.
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
      // A turn that calls a tool is not an answer yet, so it need not have the form of one.
      if (tool_calls.length > 0) return { error: null, fenced: false };
      const found = jsonOf(text);
      if (found === null) return { error: invalidAnswer('it is not JSON'), fenced: false };
      const begun = performance.now();
      const check = schema === null ? isObject : checkFor(schema);
      // There is no telling which of the two values was meant.
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
