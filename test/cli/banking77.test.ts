import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import { parseCsv } from '../csv.ts';
import { long } from '../long.ts';
import { packForTests } from '../packed-package.ts';
import { createDesk, run } from './run-binary.ts';

/** Questions to a bank and what each is about: banking77's test set, which is not part of this repository. */
const QUESTIONS = path.resolve(import.meta.dirname, '../../../shared/data/banking77/test.csv');
const hasQuestions = existsSync(QUESTIONS);
/** What somebody waits for at most who tries it for the first time, with the sandbox's own two seconds. */
const LONGEST_MS = 15_000;

const fresh = packForTests();

test.runIf(hasQuestions)(
  `3,080 questions in one line, from a fresh install, on the sandbox as it is, in 15 seconds${hasQuestions ? '' : ' (skipped: no shared/data/banking77 here)'}`,
  long,
  async () => {
    const desk = await createDesk({ BATCH_MCP_PROVIDER: 'sandbox' });
    const env = Object.fromEntries(
      Object.entries(desk.env).filter(([name]) => name !== 'BATCH_MCP_SANDBOX_SECONDS'),
    );
    const [, ...rows] = parseCsv(await readFile(QUESTIONS, 'utf8'));
    const tasks = rows.map(([text = ''], index) => ({
      task_id: `q${index + 1}`,
      prompt: `What is it about? ${text}`,
    }));
    await writeFile(
      path.join(desk.folder, 'tasks.jsonl'),
      tasks.map((task) => `${JSON.stringify(task)}\n`).join(''),
    );

    const program = path.join(fresh.installed, 'dist/cli.js');
    const started = performance.now();
    const { code, stderr } = await run({ ...desk, env, program }, ['run', 'tasks.jsonl', 'out.json']);
    const ms = performance.now() - started;

    expect({ code, stderr }).toMatchObject({ code: 0 });
    const answers = JSON.parse(await readFile(path.join(desk.folder, 'out.json'), 'utf8'));
    expect(answers.map(({ task_id, success }: Record<string, unknown>) => [task_id, success])).toEqual(
      tasks.map(({ task_id }) => [task_id, true]),
    );
    expect(ms).toBeLessThan(LONGEST_MS);
  },
);
