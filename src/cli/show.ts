import { stringifyExact } from '../lib/exact-json.ts';
import { count, counted } from '../lib/numbers.ts';
import { shellWord } from '../lib/shell-word.ts';
import type { BatchReport } from '../operations/replies/report.ts';
import type { ResultsReply } from '../operations/results.ts';
import { dollars, percent } from './format.ts';
import { optionOf } from './options.ts';
import { printable, type Terminal } from './terminal.ts';

/** What status-like replies have in common; what a batch in preparation does not know yet is absent. */
type ShownBatch = Pick<BatchReport, 'batch_id' | 'provider' | 'processing_status' | 'warnings'> &
  Partial<BatchReport>;

type Cost = { expected: number; maximum: number; actual: number | null } | null;

const LABEL_COLUMNS = 20;

/** Lines of a label and its value; those without a value are left out. */
export function facts(terminal: Terminal, lines: readonly (readonly [string, string | null])[]): void {
  const isNarrow = terminal.columns < 3 * LABEL_COLUMNS;
  for (const [label, text] of lines) {
    const head = isNarrow ? `${label}: ` : `${label}:`.padEnd(LABEL_COLUMNS);
    if (text !== null) terminal.print(`${terminal.style('dim', head)}${printable(text)}`);
  }
}

/** Replies speak of tools, as an agent calls them; a person has commands. */
export const commandOf: Record<string, string> = {
  submit_batch: 'batch-mcp submit',
  batch_status: 'batch-mcp status',
  get_results: 'batch-mcp results',
  estimate_cost: 'batch-mcp estimate',
  retry_batch: 'batch-mcp retry',
  cancel_batch: 'batch-mcp cancel',
  list_batches: 'batch-mcp list',
};

/** The command that goes on where another stopped. */
export const waitingFor = (batchId: string, outputFile = 'results.json'): string =>
  `batch-mcp wait ${batchId} ${shellWord(outputFile)}`;

/** What to do about a batch that waits for somebody to send it. */
export const notSent = (batchId: string): string =>
  `Part of it was not sent. Fix what the note says, then: batch-mcp retry ${batchId}`;

/** Arguments that no task of a file has, nor any reply: wherever they are named, an option is meant. */
const ALWAYS_OPTIONS = new Set(
  (
    'requests_file rows_file id_column join_file input_files split_chars context_files max_tasks from_batch ' +
    'output_file output_pattern output_key max_cost_usd force_new wait_seconds task_ids error_types dry_run ' +
    'remove_params name_contains group_by include_remote input_tokens_per_request output_tokens_per_request'
  ).split(' '),
);

const CALL_OF_A_BATCH =
  /\b([Cc])all ([a-z]+_[a-z]+) with batch_id ([\w-]+)(?:(?:,| and) (?=[a-z]+_[a-z]+ ))?/g;

/** A text of a reply or an error in the terminal's words. */
export function inCommands(text: string): string {
  return printable(text)
    .replace(CALL_OF_A_BATCH, (whole, call: string, tool: string, id: string) => {
      const command = commandOf[tool];
      if (command === undefined) return whole;
      return `${call === 'C' ? 'Run' : 'run'} ${command} ${id}${whole.endsWith(' ') ? ' ' : ''}`;
    })
    .replace(/\b([a-z]+(?:_[a-z]+)*): true\b/g, (_, name: string) => optionOf(name))
    .replace(/\bresolve: "(\w+)"/g, '--resolve $1')
    .replace(/\b[a-z]+(?:_[a-z]+)+\b/g, (word) =>
      ALWAYS_OPTIONS.has(word) ? optionOf(word) : (commandOf[word] ?? word),
    )
    .replace(/(--[a-z]+(?:-[a-z]+)*) \["([\w.-]+)"\]/g, '$1 $2');
}

/** A reply as the one document of `--json`, with the commands in place of the tools in what it advises. */
export function printReply(
  terminal: Terminal,
  reply: { next_step?: string; warnings?: readonly string[] },
): void {
  const { next_step, warnings } = reply;
  const told = {
    ...reply,
    ...(warnings && { warnings: warnings.map(inCommands) }),
    ...(next_step !== undefined && { next_step: inCommands(next_step) }),
  };
  terminal.print(stringifyExact(told, 2));
}

export function warn(terminal: Terminal, warnings: readonly string[]): void {
  for (const warning of warnings)
    terminal.note(`${terminal.style('yellow', 'Note:')} ${inCommands(warning)}`);
}

export function costText(cost: Cost | undefined): string | null {
  if (cost === null || cost === undefined) return null;
  if (cost.actual !== null) return `${dollars(cost.actual)} (${dollars(cost.expected)} expected)`;
  return `${dollars(cost.expected)} expected, ${dollars(cost.maximum)} at most`;
}

/** The counts that are not zero, as `3 succeeded, 1 errored`. */
function countsText(counts: Readonly<Record<string, number>> | undefined): string | null {
  const said = Object.entries(counts ?? {}).filter(([, number]) => number > 0);
  return said.length === 0 ? null : said.map(([name, number]) => `${count(number)} ${name}`).join(', ');
}

const allCounts = (counts: Readonly<Record<string, number>>) =>
  Object.entries(counts)
    .map(([name, number]) => `${name} ${count(number)}`)
    .join(', ');

export function showBatch(terminal: Terminal, batch: ShownBatch): void {
  facts(terminal, [
    ['Batch ID', batch.batch_id],
    ['Name', batch.name ?? null],
    ['Provider', batch.provider === 'sandbox' ? 'sandbox (its answers are made up)' : batch.provider],
    ['Processing status', batch.processing_status],
    ['Created', batch.created_at ?? null],
    ['Ended', batch.ended_at ?? null],
    ['Expires', batch.ended_at ? null : (batch.expires_at ?? null)],
    ['Results kept until', batch.results_expire_at ?? null],
    ['Tasks', batch.request_count === undefined ? null : count(batch.request_count)],
    ['Outcomes', countsText(batch.outcomes)],
    ['Request counts', batch.request_counts === undefined ? null : allCounts(batch.request_counts)],
    ['Cost', costText(batch.cost_usd)],
    ['Taken over', reusedText(batch.reused)],
    ['Waits for', batch.waits_for ?? null],
    ['Files', batch.output_files?.length ? batch.output_files.join(', ') : null],
    ['Answer files', answerFilesText(batch.answer_files)],
  ]);
  for (const { attempt, request_count, outcomes } of batch.attempts ?? []) {
    const came = countsText(outcomes);
    terminal.print(
      `    attempt ${attempt}: ${counted(request_count, 'request')}${came === null ? '' : `, ${came}`}`,
    );
  }
  for (const { type, count: times, retryable } of batch.failures ?? []) {
    const again = retryable ? '' : '; it would fail again';
    terminal.print(`${terminal.style('red', `${count(times)} × ${printable(type)}`)}${again}`);
  }
  warn(terminal, batch.warnings);
}

/** What a pilot has answered already. */
export function reusedText(reused: BatchReport['reused']): string | null {
  if (reused === undefined) return null;
  const paid = reused.usd === null ? '' : `, ${dollars(reused.usd)} then`;
  return `${counted(reused.count, 'answer')} of ${reused.batch_id}, not paid again${paid}`;
}

function answerFilesText(files: BatchReport['answer_files']): string | null {
  if (files === undefined) return null;
  return `${count(files.written)} written by ${files.pattern}`;
}

/** Of finished answers. */
function withoutFileText(files: BatchReport['answer_files']): string | null {
  const left = (files?.left ?? []).flatMap(({ why, count: all, sample_task_ids: named = [] }) =>
    named.length === 0 ? [] : [`${named.join(', ')}${named.length < all ? ', …' : ''} (${why})`],
  );
  return left.length === 0 ? null : left.join('; ');
}

const FAILURES_SHOWN = 10;

/** Totals, and why tasks failed. */
export function showTotals(terminal: Terminal, reply: ResultsReply): void {
  const { total, ...outcomes } = reply.totals;
  facts(terminal, [
    ['Total', count(total)],
    ['Succeeded', count(outcomes.succeeded)],
    ['Errored', count(outcomes.errored)],
    ['Other', countsText({ ...outcomes, succeeded: 0, errored: 0 })],
    ['Cost', costText(reply.cost_usd)],
    ['Answer files', answerFilesText(reply.answer_files)],
    ['Without a file', withoutFileText(reply.answer_files)],
    ['As expected', reply.expected === undefined ? null : matchesText(reply.expected)],
  ]);
  for (const { expected, of, matches, instead } of reply.expected?.worst ?? []) {
    const said = instead.map(({ said, count: times }) => `${said} (${count(times)})`).join(', ');
    terminal.print(`    ${printable(expected)}: ${count(matches)} of ${count(of)}; else ${printable(said)}`);
  }
  for (const { type, message, count: times, suggestion } of reply.error_digest.slice(0, FAILURES_SHOWN)) {
    terminal.print(`${terminal.style('red', `${count(times)} × ${printable(type)}`)}: ${printable(message)}`);
    if (suggestion) terminal.print(`    ${inCommands(suggestion)}`);
  }
  warn(terminal, reply.warnings);
}

/** How many answers are as their rows have them. */
export const matchesText = ({ matches, of, share }: { matches: number; of: number; share: number }): string =>
  `${count(matches)} of ${count(of)} (${percent(share)})`;
