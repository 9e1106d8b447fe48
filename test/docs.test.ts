import { cp, readFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { readConfig } from '../src/config/config.ts';
import { BatchError } from '../src/errors.ts';
import { startServer } from './harness.ts';

const project = path.resolve(import.meta.dirname, '..');
const read = (file: string) => readFile(path.join(project, file), 'utf8');

/** The sections of docs/tools.md by heading. */
async function toolSections(): Promise<Map<string, string>> {
  const sections = (await read('docs/tools.md')).split(/^## /m).slice(1);
  return new Map(sections.map((section) => [section.slice(0, section.indexOf('\n')), section]));
}

function knownFlags(): string[] {
  try {
    readConfig({ env: {}, argv: ['--no-such-flag'], cwd: '/', home: '/' });
  } catch (error) {
    if (error instanceof BatchError)
      return /Known flags: ([^.]*)/.exec(error.message)?.[1]?.split(', ') ?? [];
    throw error;
  }
  return [];
}

test('docs/configuration.md names the variables and flags that are read, and no others', async () => {
  const docs = await read('docs/configuration.md');
  const table = docs.split('\n').filter((line) => line.startsWith('| `BATCH_MCP_'));
  const variables = new Set((await read('src/config.ts')).match(/BATCH_MCP_[A-Z_]+/g));

  expect(new Set(table.map((line) => line.split('`')[1]))).toEqual(variables);
  expect(knownFlags()).not.toEqual([]);
  expect(new Set(table.join('\n').match(/--[a-z-]+/g))).toEqual(new Set(knownFlags()));
});

test('docs/tools.md describes every tool with every argument', async () => {
  const server = await startServer();
  const sections = await toolSections();
  const work = sections.get('Work') ?? '';
  const { tools } = await server.client.listTools();
  for (const { name, inputSchema } of tools) {
    const section = sections.get(name) ?? '';
    const takesWork = 'requests_file' in (inputSchema.properties ?? {});
    const undescribed = Object.keys(inputSchema.properties ?? {}).filter(
      (argument) => !`${section}${takesWork ? work : ''}`.includes(`\`${argument}\``),
    );
    expect({ tool: name, described: section !== '', undescribed }).toEqual({
      tool: name,
      described: true,
      undescribed: [],
    });
  }
});

test('every example of docs/tools.md can be called as it stands', async () => {
  const server = await startServer({ argv: ['--sandbox'], sandboxSeconds: 3 });
  await cp(path.join(project, 'examples'), path.join(server.work, 'examples'), { recursive: true });
  const { tools } = await server.client.listTools();
  const sections = await toolSections();
  for (const { name } of tools) {
    const example = /```json\n([\s\S]*?)```/.exec(sections.get(name) ?? '')?.[1] ?? '';
    const args = z.record(z.string(), z.unknown()).parse(JSON.parse(example));
    const { batch_id } = await server.ok('submit_batch', { requests: [{ task_id: name, prompt: 'hi' }] });
    const call = { ...args, ...('batch_id' in args && { batch_id }) };
    // The batch of the test still runs, which is all that may stand against the example.
    if (name === 'retry_batch') expect(await server.fails(name, call)).toMatch(/^wrong_state/);
    else await server.ok(name, call);
  }
});

test.each(['README.md', 'AGENTS.md', 'docs/tools.md', 'docs/results.md', 'docs/configuration.md'])(
  'the links and the JSON of %s are right',
  async (file) => {
    const text = await read(file);
    for (const [, link] of text.matchAll(/\]\(([^):#]+)\)/g)) {
      await expect(read(path.join(path.dirname(file), link ?? ''))).resolves.not.toBe('');
    }
    for (const [, json] of text.matchAll(/```json\n([\s\S]*?)```/g)) {
      expect(() => JSON.parse(json ?? ''), json).not.toThrow();
    }
  },
);
