import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { parseCsv } from '../csv.ts';
import { long } from '../long.ts';
import { sharedData } from '../shared-data.ts';
import { builtCli, createDesk, type Desk } from './run-binary.ts';

const PICTURE = path.resolve(import.meta.dirname, '../../docs/terminal.svg');

type Shown = { typed: string; printed: string[] };

/** What is typed in the README's picture, each with the lines below it. */
async function shownInPicture(): Promise<Shown[]> {
  const drawn = await readFile(PICTURE, 'utf8');
  const lines = [...drawn.matchAll(/<text .*<\/text>/g)].map(([row]) =>
    row
      .replaceAll(/<[^>]*>/g, '')
      .replaceAll('&lt;', '<')
      .replaceAll('&gt;', '>')
      .replaceAll('&amp;', '&'),
  );
  const shown: Shown[] = [];
  for (const line of lines) {
    const last = shown.at(-1);
    if (line.startsWith('$ ')) shown.push({ typed: line.slice(2), printed: [] });
    else if (last?.typed.endsWith('\\')) last.typed += `\n${line}`;
    else last?.printed.push(line);
  }
  return shown;
}

/** What is printed for a line without a terminal, without what is said of progress. */
async function printedFor(typed: string, { folder, env }: Desk): Promise<string[]> {
  const line = typed.replace('batch-mcp', `"${process.execPath}" "${builtCli}"`);
  const { stdout } = await promisify(execFile)('sh', ['-c', `{ ${line}\n} 2>&1`], { cwd: folder, env });
  return stdout
    .replaceAll(`${folder}/`, '')
    .split(/\r?\n/)
    .filter((each) => each !== '' && !each.endsWith(' …'));
}

/** What no two runs share: ids, made-up labels, and figures of made-up answers. */
const likely = (line: string): string =>
  line
    .replace(/batch_[0-9A-Z]{26}/, 'batch_…')
    .replace(/^(row_1,.*?,card_arrival),\w+,(.*,)\d+,\d+$/, '$1,…,$2…')
    .replaceAll(/\$\d+\.\d+/g, '$…')
    .replace(/\d+ %/, '… %');

/** Where counts differ too, for fewer questions are asked. */
const uncounted = (line: string): string => likely(line).replaceAll(/\d[\d,]*/g, '…');

async function isPrintedFor(
  questions: readonly string[][],
  categories: string,
  alike: (line: string) => string,
) {
  const desk = await createDesk();
  const put = (name: string, text: string) => writeFile(path.join(desk.folder, name), text);
  const quoted = (cell: string) => `"${cell.replaceAll('"', '""')}"`;
  await put('questions.csv', questions.map((row) => `${row.map(quoted).join(',')}\n`).join(''));
  await put('categories.json', categories);
  const tasks = questions.slice(1).map(([text], index) => ({
    task_id: `q${index + 1}`,
    prompt: `What is it about? ${text}`,
  }));
  await put('tasks.jsonl', tasks.map((task) => `${JSON.stringify(task)}\n`).join(''));
  const shown = await shownInPicture();
  expect(shown.map(({ typed }) => typed)).toContain('batch-mcp run tasks.jsonl out.json --sandbox');
  for (const { typed, printed } of shown)
    expect((await printedFor(typed, desk)).map(alike), typed).toEqual(printed.map(alike));
}

const few = [
  ['text', 'category'],
  ['How do I locate my card?', 'card_arrival'],
  ['I want to "exchange" it, now', 'exchange_rate'],
  ['日本円はいくらですか？', 'exchange_rate'],
];

test("the README's picture shows what is printed", long, () =>
  isPrintedFor(few, '["card_arrival", "exchange_rate"]', uncounted),
);

const questions = sharedData('banking77/test.csv');

test.skipIf(questions.missing)(
  `the README's picture shows what is printed over 3,080 questions${questions.missing ? ` (${questions.missing})` : ''}`,
  long,
  async () => {
    const categories = await readFile(sharedData('banking77/categories.json').file, 'utf8');
    await isPrintedFor(parseCsv(await readFile(questions.file, 'utf8')), categories, likely);
  },
);
