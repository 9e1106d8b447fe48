import * as z from 'zod';
import { BatchError } from '../../errors.ts';
import { efforts, thinkingTypes } from '../models.ts';
import type { ProviderBatch, ProviderBatchPage, ProviderModel } from '../provider.ts';
import type { Operation } from './api-advice.ts';
import { uncertainError } from './api-errors.ts';

/**
 * The API's answers as they come in. Ids become parts of routes and file names, so they may only have characters that are
 * harmless there; fields that we don't use are ignored.
 */

/** Texts and counts are limited, as they are kept, and rows are made from them. */
const idPattern = /^[A-Za-z0-9_-]{1,130}$/;
const number = z.int().nonnegative();
/** Some gateways write it as a text. */
const inText = z
  .string()
  .regex(/^\d{1,9}$/)
  .transform(Number);
const count = z.union([number, inText]).pipe(number.max(10_000_000));
const time = z.union([z.string().max(100), z.number()]).transform((given, context) => {
  const read = timeOf(given);
  if (read !== null) return read;
  context.addIssue({ code: 'custom', message: 'no time' });
  return z.NEVER;
});
/** Null if a gateway writes an empty text or anything else: records hold only times that can be calculated with. */
const optionalTime = time.nullable().catch(null);

/** As many web frameworks write a time in UTC, and `Date.parse` takes it for the time at this computer. */
const WITHOUT_ZONE = /^(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d(?::\d\d(?:\.\d+)?)?)$/;
/** Seconds, from 2001 to 2286, or as many milliseconds. */
const SINCE_1970 = /^(\d{10}(?:\.\d+)?)$|^(\d{13}(?:\.\d+)?)$/;

/** A time as a text that can be calculated with; null for what is none. Gateways count from 1970, or leave out the zone. */
function timeOf(given: string | number): string | null {
  const text = String(given).trim();
  const [, seconds, milliseconds] = SINCE_1970.exec(text) ?? [];
  if (seconds !== undefined) return new Date(Number(seconds) * 1000).toISOString();
  if (milliseconds !== undefined) return new Date(Number(milliseconds)).toISOString();
  if (typeof given === 'number') return null;
  const inZone = text.replace(WITHOUT_ZONE, '$1T$2Z');
  return Number.isNaN(Date.parse(inZone)) ? null : inZone;
}

const DAY_MS = 24 * 60 * 60 * 1000;

/** A gateway may leave out a zero, or write null. */
const optionalCount = count.nullish().transform((told) => told ?? 0);

const statuses = ['in_progress', 'canceling', 'ended'] as const;

/**
 * Strict where money hangs on it: a create whose answer names no batch is uncertain. Lenient in the rest: a
 * gateway that leaves out a zero, or the end of the 24 hours, has made the batch all the same; and one batch with a status
 * that is new must not make a whole page of the list unreadable, for uncertain creates are settled by that.
 */
const batch = z
  .object({
    id: z.string().regex(idPattern),
    processing_status: z.string().max(100),
    request_counts: z.object({
      processing: optionalCount,
      succeeded: optionalCount,
      errored: optionalCount,
      canceled: optionalCount,
      expired: optionalCount,
    }),
    created_at: time,
    expires_at: optionalTime,
    ended_at: optionalTime,
    cancel_initiated_at: optionalTime,
  })
  .transform(
    (told): ProviderBatch => ({
      ...told,
      // One that is not known goes on until the batch has an end.
      processing_status:
        statuses.find((status) => status === told.processing_status) ??
        (told.ended_at === null ? 'in_progress' : 'ended'),
      expires_at: told.expires_at ?? new Date(Date.parse(told.created_at) + DAY_MS).toISOString(),
    }),
  );

const page = z.object({
  data: z.array(batch),
  has_more: z.boolean(),
  last_id: z
    .string()
    .nullish()
    .transform((id) => id ?? null),
});

const counted = z.object({ input_tokens: z.union([number, inText]) });

const support = z.object({ supported: z.boolean() }).nullish().catch(null);

/** Those of `names` that are told to be supported; null where nothing is told of them, or not of all. */
function supported<Name extends string>(
  names: readonly Name[],
  told: Record<string, unknown> | null | undefined,
): Name[] | null {
  if (told === null || told === undefined) return null;
  const answers = names.map((name) => ({ name, told: support.parse(told[name]) }));
  if (answers.every(({ told }) => told === null || told === undefined)) return null;
  return answers.filter(({ told }) => told?.supported === true).map(({ name }) => name);
}

/** Whatever is not as documented is taken for unknown: the models are looked at only to warn in time. */
const listedModel = z
  .object({
    id: z.string(),
    lifecycle: z.enum(['active', 'deprecated', 'retired']).nullish().catch(null),
    retires_at: z.string().nullish().catch(null),
    max_input_tokens: z.int().positive().nullish().catch(null),
    max_tokens: z.int().positive().nullish().catch(null),
    capabilities: z
      .object({
        batch: support,
        effort: z.record(z.string(), z.unknown()).nullish().catch(null),
        thinking: z
          .object({ types: z.record(z.string(), z.unknown()) })
          .nullish()
          .catch(null),
      })
      .nullish()
      .catch(null),
  })
  .transform(
    (model): ProviderModel => ({
      id: model.id,
      lifecycle: model.lifecycle ?? null,
      retires_at: model.retires_at ?? null,
      max_input_tokens: model.max_input_tokens ?? null,
      max_output_tokens: model.max_tokens ?? null,
      batch: model.capabilities?.batch?.supported ?? null,
      efforts: supported(efforts, model.capabilities?.effort),
      thinking: supported(thinkingTypes, model.capabilities?.thinking?.types),
    }),
  );
const modelPage = z.object({ data: z.array(listedModel) });

/** An answer as the SDK gives it: as a text where its header does not say that it is JSON, which some gateways leave out. */
function jsonOf(answer: unknown): unknown {
  if (typeof answer !== 'string') return answer;
  try {
    return JSON.parse(answer.replace(/^\uFEFF/, ''));
  } catch {
    return answer;
  }
}

/** The number of tokens out of an answer with a good status; `api_uncertain` where it can't be read. */
export function readTokenCount(operation: Operation, answer: unknown): number {
  const read = counted.safeParse(jsonOf(answer));
  if (read.success) return read.data.input_tokens;
  throw unreadable(operation, read.error);
}

/** The models out of an answer with a good status; `api_uncertain` where it can't be read. */
export function readModels(operation: Operation, answer: unknown): ProviderModel[] {
  const read = modelPage.safeParse(jsonOf(answer));
  if (read.success) return read.data.data;
  throw unreadable(operation, read.error);
}

/** An id of the API's own form: whatever else its answer lacks, this is the batch that it has made. */
const named = z.object({ id: z.string().regex(idPattern).startsWith('msgbatch_') });

/** The batch that was just made; what its answer does not tell, the next look does. `api_uncertain` where it names none. */
export function readMadeBatch(answer: unknown): ProviderBatch {
  const told = jsonOf(answer);
  const [read, { data }] = [batch.safeParse(told), named.safeParse(told)];
  if (read.success || data === undefined) return readBatch('create', told);
  const now = new Date();
  return {
    id: data.id,
    processing_status: 'in_progress',
    request_counts: { processing: 0, succeeded: 0, errored: 0, canceled: 0, expired: 0 },
    created_at: now.toISOString(),
    expires_at: new Date(now.getTime() + DAY_MS).toISOString(),
    ended_at: null,
    cancel_initiated_at: null,
  };
}

/** A batch out of an answer with a good status; `api_uncertain` where it can't be read. */
export function readBatch(operation: Operation, answer: unknown): ProviderBatch {
  const read = batch.safeParse(jsonOf(answer));
  if (read.success) return read.data;
  throw unreadable(operation, read.error);
}

/** The same, of the batch that was asked about: a cache on the way can answer with another one. */
export function readThisBatch(operation: Operation, id: string, answer: unknown): ProviderBatch {
  const read = readBatch(operation, answer);
  if (read.id === id) return read;
  throw uncertainError(operation, `the API answered with another batch, ${read.id}`);
}

/** A page of batches out of an answer with a good status; `api_uncertain` where it can't be read. */
export function readPage(operation: Operation, answer: unknown): Omit<ProviderBatchPage, 'at'> {
  const read = page.safeParse(jsonOf(answer));
  if (!read.success) throw unreadable(operation, read.error);
  return { batches: read.data.data, has_more: read.data.has_more, last_id: read.data.last_id };
}

function unreadable(operation: Operation, error: z.ZodError): BatchError {
  const fields = error.issues.map((issue) => issue.path.join('.') || 'the answer').slice(0, 3);
  return uncertainError(operation, `the API's answer can't be read (${fields.join(', ')})`, error);
}

/** The id as part of a route. Refuses what is no id before anything is sent. */
export function routeId(id: string): string {
  if (idPattern.test(id)) return encodeURIComponent(id);
  throw new BatchError(
    'invalid_input',
    'That is not the id of a Message Batch: such an id has letters, digits, _ and - only. ' +
      'Use the batch_id that submit_batch gave, or list_batches to find it.',
  );
}
