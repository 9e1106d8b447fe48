import { appendFile, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { answering, prompts, startApi } from '../api.ts';
import type { ApiServer } from '../api-server.ts';
import { settingsFor } from '../harness.ts';
import { long } from '../long.ts';
import { createDesk, type Desk, run } from './run-binary.ts';

type Scene = { api: ApiServer; desk: Desk; file: string; read: () => Promise<string> };

/** A desk where `run` has written the answers of two tasks into `out.jsonl`. */
async function scene(): Promise<Scene> {
  const api = await startApi({ endsAtOnce: true, results: answering('{"label":"x","why":"y"}') });
  const desk = await createDesk(settingsFor(api));
  await writeFile(path.join(desk.folder, 'tasks.json'), JSON.stringify(prompts(['a', 'b'])));
  expect(await run(desk, ['run', 'tasks.json', 'out.jsonl'])).toMatchObject({ code: 0 });
  const file = path.join(desk.folder, 'out.jsonl');
  return { api, desk, file, read: () => readFile(file, 'utf8') };
}

describe.each<[typed: string[]]>([
  [['run', 'tasks.json', 'out.jsonl']],
  [['wait', 'last', 'out.jsonl']],
  [['results', 'last', 'out.jsonl']],
])('%j a second time', (typed) => {
  const options = typed[0] === 'run' ? {} : long;

  test('says that the file is there, and leaves it alone', options, async () => {
    const { api, desk, file, read } = await scene();
    const before = await read();
    const ended = await run(desk, typed);
    expect(ended, ended.stderr).toMatchObject({ code: 0 });
    expect(ended.stdout).toContain(`Results are already in ${file}\n`);
    expect(JSON.parse((await run(desk, [...typed, '--json'])).stdout).output_files).toEqual([file]);
    expect(await read()).toBe(before);
    expect(api.creates).toHaveLength(1);
  });

  test('refuses a file that somebody has changed', options, async () => {
    const { desk, file, read } = await scene();
    await appendFile(file, 'mine\n');
    const ended = await run(desk, typed);
    expect(ended).toMatchObject({ code: 1, stderr: expect.stringContaining('exists already') });
    expect(await read()).toMatch(/mine\n$/);
  });

  test('writes a file that is gone', options, async () => {
    const { desk, file, read } = await scene();
    const before = await read();
    await rm(file);
    const ended = await run(desk, typed);
    expect(ended, ended.stderr).toMatchObject({ code: 0 });
    expect(ended.stdout).toContain(`Results saved to ${file}\n`);
    expect(await read()).toBe(before);
  });
});

test('a file that is gone is not said to hold the results', async () => {
  const { desk, file } = await scene();
  await rm(file);
  expect((await run(desk, ['results', 'last'])).stdout).not.toContain(file);
});

describe('work that has its batch already, with other outputs', () => {
  test('has the key written that was asked for', async () => {
    const { desk } = await scene();
    const typed = ['run', 'tasks.json', 'labels.jsonl', '--output-key', 'label'];
    for (const says of ['Results saved to', 'Results are already in'])
      expect(await run(desk, typed)).toMatchObject({ code: 0, stdout: expect.stringContaining(says) });
    expect(await readFile(path.join(desk.folder, 'labels.jsonl'), 'utf8')).not.toContain('why');
    // It does not hold all of the answers, which are asked for here.
    expect(await run(desk, ['run', 'tasks.json', 'labels.jsonl'])).toMatchObject({ code: 1 });
  });

  test('has the files of single answers written, which were silently left out', async () => {
    const { desk } = await scene();
    const typed = ['run', 'tasks.json', '--output-pattern', 'each/{{task_id}}.txt'];
    for (const _ of [1, 2]) {
      const ended = await run(desk, typed);
      expect(ended, ended.stderr).toMatchObject({ code: 0 });
      expect(ended.stdout).toMatch(/Answer files: +2 written/);
      expect((await readdir(path.join(desk.folder, 'each'))).sort()).toEqual(['a.txt', 'b.txt']);
      await rm(path.join(desk.folder, 'each'), { recursive: true });
    }
  });
});

describe('what was not sent', () => {
  test.each([['results'], ['wait']])('is not to be waited for, says %s', long, async (command) => {
    const desk = await createDesk({
      ANTHROPIC_BASE_URL: 'http://127.0.0.1:9',
      ANTHROPIC_API_KEY: 'sk-ant-key',
    });
    await writeFile(path.join(desk.folder, 'tasks.json'), JSON.stringify(prompts(['a'])));
    expect(await run(desk, ['submit', 'tasks.json'])).toMatchObject({ code: 1 });
    const ended = await run(desk, [command, 'last', 'out.json']);
    expect(ended).toMatchObject({ code: 1, stderr: expect.stringContaining('batch-mcp retry batch_') });
    expect(ended.stderr).not.toContain('batch-mcp wait');
  });
});
