import { execFile } from 'node:child_process';
import { chmod, cp, mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { allSettings } from '../src/config/settings.ts';
import { builtCli } from './cli/run-binary.ts';
import { temporaryFolder } from './harness.ts';
import { eachNth } from './long.ts';

const project = path.resolve(import.meta.dirname, '..');
const run = promisify(execFile);

const pages = [
  'README.md',
  ...(await readdir(path.join(project, 'docs')))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
];

type Block = { page: string; text: string };

/** The blocks of these languages, in all pages. */
async function blocksIn(language: string): Promise<Block[]> {
  const found = pages.map(async (page) => {
    const text = await readFile(path.join(project, page), 'utf8');
    return [...text.matchAll(new RegExp(`^\`\`\`${language}\\n([^]*?)^\`\`\``, 'gm'))].map(
      ([, block = '']) => ({ page, text: block }),
    );
  });
  return (await Promise.all(found)).flat();
}

/** Lines that can't be run in a test, and what proves them. */
const elsewhere: readonly [RegExp, string][] = [
  [/^npm run demo\b/, 'test/demo.test.ts, and .ci/run'],
  [/^npm cit\b/, '.ci/run'],
  [/^npm ci && npm run build && npm link\b/, 'test/package.test.ts'],
  [/^npm install batch-mcp$/, 'test/package.test.ts'],
  [/^npx mcp-inspector\b/, 'test/server/inspector.test.ts'],
  [/^ +--tool-arg\b/, 'test/server/inspector.test.ts'],
  [/^(claude|codex|gemini) mcp add\b/, 'the program of another company'],
];

const isElsewhere = (line: string) => elsewhere.some(([form]) => form.test(line));
const isSetting = (line: string) => /^[A-Z_]+=/.test(line);

/** A folder as the pages have it: the examples, tasks and a table, `batch-mcp` on the path, the sandbox in place of the API. */
async function folderOfPages() {
  const folder = await temporaryFolder();
  await cp(path.join(project, 'examples'), path.join(folder, 'examples'), { recursive: true });
  const tasks = ['a', 'b', 'c'].map((task_id) => ({ task_id, prompt: `Say ${task_id}.` }));
  await writeFile(
    path.join(folder, 'tasks.jsonl'),
    tasks.map((task) => `${JSON.stringify(task)}\n`).join(''),
  );
  await writeFile(path.join(folder, 'tasks.json'), JSON.stringify(tasks));
  await writeFile(path.join(folder, 'reviews.csv'), 'id,review\n1,Good\n2,Bad\n3,So so\n');
  const bin = path.join(folder, 'bin');
  await mkdir(bin);
  await writeFile(path.join(bin, 'batch-mcp'), `#!/bin/sh\nexec "${process.execPath}" "${builtCli}" "$@"\n`);
  await chmod(path.join(bin, 'batch-mcp'), 0o755);
  const env = {
    PATH: `${bin}${path.delimiter}${process.env.PATH}`,
    HOME: folder,
    BATCH_MCP_DATA_DIR: path.join(folder, 'data'),
    BATCH_MCP_PROVIDER: 'sandbox',
    BATCH_MCP_SANDBOX_SECONDS: '0',
  };
  return { folder, env };
}

const shell = (await blocksIn('sh')).map(({ page, text }) => {
  const lines = text.split('\n').filter((line) => line !== '' && !isElsewhere(line));
  return {
    page,
    lines,
    settings: lines.filter(isSetting),
    commands: lines.filter((line) => !isSetting(line)),
  };
});

describe('every command in the pages runs as it stands', () => {
  const withCommands = shell.filter(({ commands }) => commands.length > 0);
  eachNth(
    12,
    withCommands.map(({ page, commands }): [string, string | undefined, string[]] => [
      page,
      commands[0],
      commands,
    ]),
  )('%s: %s', async (_page, _first, commands) => {
    const { folder, env } = await folderOfPages();
    // doctor finds that there is no key, which is right.
    const script = commands.map((line) => line.replace(/^batch-mcp doctor\b/, '! $&')).join('\n');
    await expect(
      run('bash', ['-eo', 'pipefail', '-c', script], { cwd: folder, env }).catch(({ stderr }) => stderr),
    ).resolves.toHaveProperty('stdout');
  });

  test('and every other line is a setting that there is', () => {
    const names = shell.flatMap(({ settings }) => settings.map((line) => line.slice(0, line.indexOf('='))));
    const known: string[] = [...allSettings.map(({ variable }) => variable), 'ANTHROPIC_API_KEY'];
    expect(names.filter((name) => !known.includes(name))).toEqual([]);
  });
});

describe('every program in the pages runs as it stands', async () => {
  const programs = await blocksIn('ts');
  eachNth(
    3,
    programs.map(({ page, text }): [string, string | undefined, string] => [
      page,
      text.trimEnd().split('\n').at(-1),
      text,
    ]),
  )('%s: %s', async (_page, _last, text) => {
    const { folder, env } = await folderOfPages();
    await mkdir(path.join(folder, 'node_modules'));
    await symlink(project, path.join(folder, 'node_modules/batch-mcp'));
    await symlink(
      path.join(project, 'node_modules/@modelcontextprotocol'),
      path.join(folder, 'node_modules/@modelcontextprotocol'),
    );
    const transport = text.includes('connect(transport)')
      ? "import { InMemoryTransport } from '@modelcontextprotocol/sdk/inMemory.js';\nconst [transport] = InMemoryTransport.createLinkedPair();\n"
      : '';
    await writeFile(path.join(folder, 'program.mjs'), transport + text);
    await expect(
      run(process.execPath, ['program.mjs'], { cwd: folder, env, timeout: 60_000 }).catch(
        ({ stderr }) => stderr,
      ),
    ).resolves.toHaveProperty('stdout');
  });
});
