import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import { parseCsv } from '../csv.ts';
import { long } from '../long.ts';
import { createDesk, run } from './run-binary.ts';

/** Questions to a bank and what each is about: banking77's test set, which is not part of this repository. */
const QUESTIONS = path.resolve(import.meta.dirname, '../../../shared/data/banking77/test.csv');
const hasQuestions = existsSync(QUESTIONS);

test.runIf(hasQuestions)(
  `3,080 questions in one line, on the sandbox as it is${hasQuestions ? '' : ' (skipped: no shared/data/banking77 here)'}`,
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

    const { code, stderr } = await run({ ...desk, env }, ['run', 'tasks.jsonl', 'out.json']);

    expect({ code, stderr }).toMatchObject({ code: 0 });
    const answers = JSON.parse(await readFile(path.join(desk.folder, 'out.json'), 'utf8'));
    expect(answers.map(({ task_id, success }: Record<string, unknown>) => [task_id, success])).toEqual(
      tasks.map(({ task_id }) => [task_id, true]),
    );
  },
);
