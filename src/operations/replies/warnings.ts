import { paidTwice, unknownCosts } from '../../cost/cost.ts';
import { refusalNote } from '../../cost/spending.ts';
import type { BatchError } from '../../errors.ts';
import { didYouMean, quoteName } from '../../lib/nearest.ts';
import { counted } from '../../lib/numbers.ts';
import { isHeld, sentCount } from '../../state/parts.ts';
import { allExpireAt, firstUnsavedExpireAt, missingCertainAt } from '../../state/status.ts';
import type { PartState } from '../../store/part-state.ts';
import type { AnswerFiles, BatchRecord, Part } from '../../store/record.ts';

export const SANDBOX_WARNING =
  'This is a sandbox batch: no model was asked, its answers are made up and nothing is paid.';

/** Results that nobody has fetched are worth a warning this long before the provider drops them. */
const EXPIRY_WARNING_MS = 3 * 24 * 60 * 60 * 1000;

/** They must fit into a reply beside everything else. */
const MOST_WARNINGS = 10;
const LONGEST_WARNING = 500;

/** What the caller has to know of a batch, the most urgent first. */
export function warningsOf(record: BatchRecord, failures: readonly BatchError[], now: Date): string[] {
  const all = allWarnings(record, failures, now);
  const shown = all.slice(0, MOST_WARNINGS).map((text) => text.slice(0, LONGEST_WARNING).toWellFormed());
  return all.length > shown.length
    ? [...shown, `and ${counted(all.length - shown.length, 'more warning')}`]
    : shown;
}

function allWarnings(record: BatchRecord, failures: readonly BatchError[], now: Date): string[] {
  return [
    ...(record.provider === 'sandbox' ? [SANDBOX_WARNING] : []),
    ...record.parts.flatMap((part) => partWarnings(part, record.parts.length)),
    ...primerWarnings(record),
    ...missingWarnings(record, now),
    ...unknownCosts(record),
    ...paidTwice(record),
    ...refusalNote(record),
    ...new Set(failures.map(failureWarning)),
    ...expiryWarnings(record, now),
    ...record.outputs.flatMap(({ path, problem }) =>
      problem === null ? [] : [`${path} was not written: ${problem}`],
    ),
    ...record.outputs.flatMap((output) => keyWarning(output, `${output.path} holds none of them`)),
    ...record.outputs.flatMap(({ path, halves = 0 }) => halfWarnings(path, halves)),
    ...answerFileWarnings(record),
    ...(record.retries?.stopped ? [`Not retried automatically: ${record.retries.stopped}`] : []),
    ...record.warnings,
  ];
}

/** Damage on disk does not make what is shown outdated. */
const failureWarning = ({ code, message }: BatchError): string =>
  code === 'store_damaged' ? message : `The last look did not succeed; what is shown is older. ${message}`;

/** Answers that got no file, and why; the answers themselves are all there. */
function answerFileWarnings({ answer_files }: BatchRecord): string[] {
  if (answer_files === undefined) return [];
  const { problem, left, code_only = 0, words, halves = 0 } = answer_files;
  if (problem !== null) return [`No file of output_pattern was written: ${problem}`];
  return [
    ...keyWarning(answer_files, 'none got a file'),
    ...left.map(
      ({ why, count }) =>
        `${counted(count, 'answer')} got no file of ${count === 1 ? 'its' : 'their'} own: ${why}.`,
    ),
    ...(code_only > 0
      ? [
          `${counted(code_only, 'answer')} said more than the code in ${code_only === 1 ? 'its file' : 'their files'}: get_results has all of it.`,
        ]
      : []),
    ...wordsWarning(words),
    ...halfWarnings('the files of output_pattern', halves),
  ];
}

function wordsWarning(words: AnswerFiles['words']): string[] {
  if (words === undefined) return [];
  const { count, sample_task_ids } = words;
  const named = [...sample_task_ids.map(quoteName), ...(count > sample_task_ids.length ? ['…'] : [])];
  const [holds, its, it] = count === 1 ? ['holds', 'its answer', 'it'] : ['hold', 'their answers', 'them'];
  return [
    `${counted(count, 'file')} of code ${holds} words, as ${its} had no block of code: ${named.join(', ')}. Look at ${it} before anything runs ${it}.`,
  ];
}

/** JSON can hold lone surrogates as escapes; other text can't. */
function halfWarnings(where: string, halves: number): string[] {
  if (halves === 0) return [];
  return [
    `${counted(halves, 'half of a character', 'halves of characters')} (half a surrogate pair) in the answers can't be written as text, and became U+FFFD in ` +
      `${where}: .json, .jsonl and get_results have the answers as they came.`,
  ];
}

/** Warns that an output holds no answer at all, as none has its `output_key`. */
function keyWarning({ key, keys }: { key?: string; keys?: string[] }, so: string): string[] {
  if (key === undefined || keys === undefined) return [];
  const have =
    keys.length === 0
      ? 'They are not objects and have no keys: leave output_key out.'
      : `They have ${keys.map(quoteName).join(', ')}${didYouMean(key, keys)}.`;
  return [`No answer has the key ${quoteName(key)} of output_key, so ${so}. ${have}`];
}

function partWarnings({ number, progress }: Part, parts: number): string[] {
  const name = parts === 1 ? 'the batch' : `part ${number} of ${parts}`;
  switch (progress.state) {
    case 'unconfirmed':
      return [
        `It is not known whether the API has ${name}: ${progress.failure.message}`,
        ...candidates(progress),
      ];
    case 'not_sent':
      return [`The API does not have ${name}; none of it is paid: ${progress.failure.message}`];
    case 'created':
      return [
        ...(progress.tentative
          ? [
              `${progress.provider_batch_id} was taken for ${name}, being the only one it can be; its results will prove it.`,
            ]
          : []),
        ...(progress.results?.warnings ?? []),
      ];
    default:
      return [];
  }
}

/** Explains why most of a batch is not sent yet, and until when it can still read the cache. */
function primerWarnings(record: BatchRecord): string[] {
  const held = record.parts.filter((part) => isHeld(record, part));
  if (held.length === 0) return [];
  const others = held.reduce((sum, part) => sum + sentCount(part), 0);
  return [
    `The request that fills the cache was sent alone; ${counted(others, 'other')} ${others === 1 ? 'waits' : 'wait'} for its answer. The first look within 50 ` +
      'minutes after that sends them so that they read it, a later one without the cache.',
  ];
}

/** How many of them fit into one warning. */
const CANDIDATES_TOGETHER = 4;

type Unconfirmed = Extract<PartState, { state: 'unconfirmed' }>;

/**
 * All batches that it could be: a person has to say which. The first one made after the part was sent is listed last.
 */
function candidates({ candidates: ids, known = [] }: Unconfirmed): string[] {
  const likely = ids.at(-1);
  if (likely === undefined) return [];
  const told = ids.map((id) => {
    const facts = known.find((each) => each.id === id);
    return facts
      ? `${id} (${facts.created_at}, ${counted(facts.request_count, 'request')}, ${facts.processing_status})`
      : id;
  });
  const groups = Array.from({ length: Math.ceil(told.length / CANDIDATES_TOGETHER) }, (_, group) =>
    told.slice(group * CANDIDATES_TOGETHER, (group + 1) * CANDIDATES_TOGETHER),
  );
  return [
    `Most probably it is ${likely}, the first that was made after it was sent. A person who knows the other programs on this key can ` +
      'tell: retry_batch with resolve set to its id. With send_again those that have ended are first looked through for our mark; one that ' +
      'still runs could be ours, and would be paid twice.',
    ...groups.map((group, index) => `${index === 0 ? 'It could be' : 'or'} ${group.join(' or ')}.`),
  ];
}

/** Sending them again before that may pay twice. */
function missingWarnings(record: BatchRecord, now: Date): string[] {
  const at = missingCertainAt(record);
  const expires = Date.parse(allExpireAt(record) ?? '');
  if (at === null || now.getTime() >= expires) return [];
  return [
    `What is missing is provisional until ${new Date(at).toISOString()}: it may yet come, and a later look downloads the results ` +
      'again. Until then retry_batch sends such tasks only if the call selects them (task_ids, outcomes, error_types), which may pay twice.',
  ];
}

function expiryWarnings(record: BatchRecord, now: Date): string[] {
  const expires = firstUnsavedExpireAt(record);
  if (expires === null || expires - now.getTime() > EXPIRY_WARNING_MS) return [];
  const until = `The API ${expires > now.getTime() ? 'keeps' : 'kept'} the results only until ${new Date(expires).toISOString()}, and not all are saved here`;
  return expires > now.getTime()
    ? [`${until} yet: call get_results before then.`]
    : [`${until}: those that are not are gone for good.`];
}
