/**
 * Draws the terminal as it looks after a real run, for the README:
 *
 *     node examples/terminal-picture.mjs questions.csv categories.json docs/terminal.svg
 *
 * Runs `batch-mcp run` over the table on the sandbox, and over the same questions as tasks, on a terminal of its own
 * (util-linux's script(1)), in an empty folder, and writes what is left on the screen as an SVG.
 */

import { spawn } from 'node:child_process';
import { copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { parse } from 'csv-parse/sync';

const [questions, categories, picture] = process.argv.slice(2);
if (picture === undefined)
  throw new Error('usage: terminal-picture.mjs questions.csv categories.json picture.svg');

const COLUMNS = 96;
const cli = path.resolve(import.meta.dirname, '../dist/cli.js');
const typed = [
  [
    'batch-mcp run questions.csv answers.csv --labels categories.json \\',
    "    --prompt 'What does the customer want? {{text}}' --model-tier cheap --sandbox",
  ],
  ['head -2 answers.csv'],
  ['batch-mcp run tasks.jsonl out.json --sandbox'],
];
/** Everything that a command line writes to a terminal of its own. */
function onTerminal(line, folder) {
  const child = spawn('script', ['-qefc', `stty cols ${COLUMNS}; ${line}`, '/dev/null'], {
    cwd: folder,
    env: { PATH: process.env.PATH, HOME: folder, TERM: 'xterm-256color', SHELL: '/bin/sh' },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  let written = '';
  child.stdout.on('data', (chunk) => {
    written += String(chunk);
  });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => (code === 0 ? resolve(written) : reject(new Error(`${line}\n${written}`))));
  });
}

const styles = { 2: 'dim', 22: '', 31: 'red', 32: 'green', 33: 'yellow', 39: '' };

/** The lines that are left on a screen, each as pieces of one style. Knows what our programs write, and no more. */
function screenOf(written) {
  const lines = [[]];
  let style = '';
  for (const [token] of written.matchAll(/\p{Cc}(?:\[[\d;]*[A-Za-z])?|\P{Cc}+/gu)) {
    if (token === '\n') lines.push([]);
    else if (token === '\u001b[2K') lines[lines.length - 1] = [];
    else if (token.endsWith('m') && token.startsWith('\u001b')) style = styles[token.slice(2, -1)] ?? style;
    else if (token !== '\r' && !token.startsWith('\u001b')) lines.at(-1).push({ style, text: token });
  }
  return lines;
}

const LINE = 20;
const CHARACTER = 8.43;
const MARGIN = 18;
const BAR = 34;
const colours = {
  '': '#e6e6e6',
  dim: '#9aa0a6',
  red: '#ff7b72',
  green: '#7ee787',
  yellow: '#e3b341',
  prompt: '#79c0ff',
};

const escaped = (text) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

function svgOf(lines) {
  const width = Math.round(COLUMNS * CHARACTER + 2 * MARGIN);
  const height = lines.length * LINE + 2 * MARGIN + BAR;
  const rows = lines.map((pieces, index) => {
    const spans = pieces.map(({ style, text }) => `<tspan fill="${colours[style]}">${escaped(text)}</tspan>`);
    return `  <text x="${MARGIN}" y="${BAR + MARGIN + (index + 0.7) * LINE}">${spans.join('')}</text>`;
  });
  const lights = ['#ff5f57', '#febc2e', '#28c840'].map(
    (colour, index) =>
      `  <circle cx="${MARGIN + 4 + index * 20}" cy="${BAR / 2 + 3}" r="6" fill="${colour}"/>`,
  );
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img">
  <title>A terminal: batch-mcp run over 3,080 questions on the sandbox</title>
  <style>text { font: 14px ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace; white-space: pre; }</style>
  <rect width="${width}" height="${height}" rx="10" fill="#16181d"/>
${lights.join('\n')}
${rows.join('\n')}
</svg>
`;
}

const prompt = (text) => [
  { style: 'prompt', text: '$ ' },
  { style: '', text },
];

/** A question of the table as a task. */
const taskOf = ({ text }, index) =>
  JSON.stringify({ task_id: `q${index + 1}`, prompt: `What is it about? ${text}` });

const folder = await mkdtemp(path.join(os.tmpdir(), 'picture-'));
try {
  await copyFile(questions, path.join(folder, 'questions.csv'));
  await copyFile(categories, path.join(folder, 'categories.json'));
  const rows = parse(await readFile(questions, 'utf8'), { columns: true, bom: true });
  await writeFile(path.join(folder, 'tasks.jsonl'), `${rows.map(taskOf).join('\n')}\n`);
  const lines = [];
  for (const [first, ...more] of typed) {
    const line = [first, ...more].join('\n').replace('batch-mcp', `"${process.execPath}" "${cli}"`);
    const shown = screenOf(await onTerminal(line, folder)).filter((each) => each.length > 0);
    lines.push(prompt(first), ...more.map((text) => [{ style: '', text }]), ...shown);
  }
  // The folder is of this run only.
  const own = (text) => text.replaceAll(`${folder}${path.sep}`, '');
  await writeFile(
    picture,
    svgOf(lines.map((line) => line.map((piece) => ({ ...piece, text: own(piece.text) })))),
  );
  process.stdout.write(`${(await readFile(picture, 'utf8')).length} characters in ${picture}\n`);
} finally {
  await rm(folder, { recursive: true });
}
