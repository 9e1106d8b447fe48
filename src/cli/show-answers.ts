import type { ShownAnswer } from '../answers/page/shown-answer.ts';
import { stringifyExact } from '../lib/exact-json.ts';
import { count } from '../lib/numbers.ts';
import type { ResultsReply } from '../operations/results.ts';
import { dollars, percent, table } from './format.ts';
import { matchesText } from './show.ts';
import { printable, type Terminal } from './terminal.ts';

/** The answers of a page, each under its task's id, or the groups that were asked for in their place. */
export function showAnswers(terminal: Terminal, reply: ResultsReply): void {
  if (reply.groups !== undefined) showGroups(terminal, reply.groups, reply.agreement ?? []);
  for (const answer of reply.results) showAnswer(terminal, answer);
}

/** Ends that say no more than that the answer is finished. */
const USUAL_ENDS: readonly unknown[] = ['end_turn', 'stop_sequence'];

function showAnswer(terminal: Terminal, answer: ShownAnswer): void {
  const { task_id, outcome, text, json, tool_calls, error, cut, ...rest } = answer;
  const mark = terminal.style(outcome === 'succeeded' ? 'green' : 'red', outcome);
  terminal.print(`${terminal.style('bold', printable(task_id))}  ${mark}`);
  if (json !== undefined) terminal.print(printable(stringifyExact(json)));
  else if (text) terminal.print(printable(text));
  for (const { name, input } of tool_calls ?? []) {
    terminal.print(
      printable(input === undefined ? `calls ${name}` : `calls ${name}(${stringifyExact(input)})`),
    );
  }
  if (error !== undefined) {
    terminal.print(printable(error.message === undefined ? error.type : `${error.type}: ${error.message}`));
  }
  const files = [cut?.file, cut?.tool_calls_file, cut?.content_file].filter(
    (file) => typeof file === 'string',
  );
  if (files.length > 0) terminal.print(printable(`The whole of it: ${files.join(', ')}`));
  for (const [name, value] of Object.entries(rest)) {
    const isCall = outcome === 'succeeded' && tool_calls !== undefined;
    if (name === 'stop_reason' && (isCall || USUAL_ENDS.includes(value))) continue;
    const said = typeof value === 'string' ? value : stringifyExact(value);
    terminal.print(`${terminal.style('dim', `${printable(name)}:`)} ${printable(said)}`);
  }
  terminal.print('');
}

/** What answers have in common, the most frequent first; and how far variants agree. */
function showGroups(
  terminal: Terminal,
  groups: NonNullable<ResultsReply['groups']>,
  agreement: NonNullable<ResultsReply['agreement']>,
): void {
  const compared = groups.some(({ expected }) => expected !== undefined);
  const columns = [
    { title: 'value', flexible: true },
    { title: 'answers', right: true },
    { title: 'succeeded', right: true },
    { title: 'cost', right: true },
    ...(compared ? [{ title: 'as expected', right: true }] : []),
  ];
  const rows = groups.map(({ value, count: times, succeeded, usd, expected }) => [
    value ?? '(none)',
    count(times),
    count(succeeded ?? times),
    usd === null ? '' : dollars(usd),
    expected === undefined ? '' : matchesText(expected),
  ]);
  if (rows.length > 0) terminal.print(table(columns, rows, terminal));
  for (const { variants, key, of, agree, share, kappa } of agreement) {
    const chance = kappa === null ? '' : `, kappa ${kappa.toFixed(2)}`;
    terminal.print(
      printable(
        `${variants.join(' and ')} agree in ${key}: ${count(agree)} of ${count(of)} (${percent(share)})${chance}`,
      ),
    );
  }
  terminal.print('');
}
