import { spawn } from 'node:child_process';
import { copyFile, cp, mkdir, readFile, symlink } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { temporaryFolder } from './harness.ts';
import { long } from './long.ts';

const project = path.resolve(import.meta.dirname, '..');

type Ended = { code: number | null; stdout: string; stderr: string };

/** Runs a demo as a person without a terminal does: no TTY, stdin closed, an empty home. */
function runDemo(demo: string, folder: string): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [demo, path.join(folder, 'output')], {
      cwd: folder,
      env: { PATH: process.env.PATH, HOME: folder },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (chunk) => (stdout += String(chunk)));
    child.stderr.on('data', (chunk) => (stderr += String(chunk)));
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, stdout, stderr }));
  });
}

const taskList = z.array(z.looseObject({ task_id: z.string().optional(), custom_id: z.string().optional() }));

async function expectDemo(times: number): Promise<void> {
  const folder = await temporaryFolder();
  const demo = path.join(project, 'examples/demo.mjs');
  const tasks = taskList.parse(
    JSON.parse(await readFile(path.join(project, 'examples/demo-tasks.json'), 'utf8')),
  );
  for (let time = 1; time < times; time += 1) await runDemo(demo, folder);
  const { code, stdout, stderr } = await runDemo(demo, folder);

  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout).toContain('the answers are made up');
  for (const { task_id, custom_id } of tasks) expect(stdout).toContain(task_id ?? custom_id);
  expect(stdout).toContain('1 x max_tokens');
  expect(stdout).not.toMatch(/\p{Cc}(?<!\n)/u);
  const written = await readFile(path.join(folder, 'output/results.json'), 'utf8');
  expect(taskList.parse(JSON.parse(written))).toHaveLength(tasks.length);
}

test('the demo shows every task of its file, and says that answers are made up', () => expectDemo(1));
test('the demo does so twice in a row', long, () => expectDemo(2));

test('the demo fails aloud where the server does not start', async () => {
  const folder = await temporaryFolder();
  await cp(path.join(project, 'examples'), path.join(folder, 'examples'), { recursive: true });
  await symlink(path.join(project, 'node_modules'), path.join(folder, 'node_modules'));
  await copyFile(path.join(project, 'package.json'), path.join(folder, 'package.json'));
  await mkdir(path.join(folder, 'dist'));

  const { code, stderr } = await runDemo(path.join(folder, 'examples/demo.mjs'), folder);
  expect(code).toBe(1);
  expect(stderr).toContain('The demo failed. The server did not start.');
});
