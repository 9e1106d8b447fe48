import { access, cp, readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { defaultOf, flagsOf } from '../src/config/define-setting.ts';
import { helpText } from '../src/config/help.ts';
import { allSettings } from '../src/config/settings.ts';
import { startServer } from './harness.ts';

const project = path.resolve(import.meta.dirname, '..');
const read = (file: string) => readFile(path.join(project, file), 'utf8');

/** The sections of docs/tools.md by heading. */
async function toolSections(): Promise<Map<string, string>> {
  const sections = (await read('docs/tools.md')).split(/^## /m).slice(1);
  return new Map(sections.map((section) => [section.slice(0, section.indexOf('\n')), section]));
}

test('docs/configuration.md has the table of settings', async () => {
  const rows = allSettings.map((setting) => {
    const flags = flagsOf(setting).map((flag) => `\`${flag}\``);
    const cells = [`\`${setting.variable}\``, flags.join(', '), setting.help, defaultOf(setting)];
    return `| ${cells.join(' | ')} |`.replaceAll('|  |', '| |');
  });
  const docs = await read('docs/configuration.md');
  expect(docs.split('\n').filter((line) => line.startsWith('| `BATCH_MCP_'))).toEqual(rows);
});

test('--help names every setting on lines that a terminal holds', () => {
  const help = helpText('1.2.3');
  for (const setting of allSettings) {
    expect(help).toContain(setting.variable);
    expect(help).toContain(setting.help);
    for (const flag of flagsOf(setting)) expect(help).toContain(`\n  ${flag}`);
  }
  expect(help.split('\n').filter((line) => line.length > 110)).toEqual([]);
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

test('every example of docs/data.md can be estimated as it stands', async () => {
  const server = await startServer({ argv: ['--sandbox'] });
  await cp(path.join(project, 'examples'), path.join(server.work, 'examples'), { recursive: true });
  // The batch whose answers are worked on.
  const { batch_id } = await server.ok('submit_batch', { requests: ['Praise it.'] });
  await server.ok('batch_status', { batch_id, wait_seconds: 20 });
  const examples = [...(await read('docs/data.md')).matchAll(/```json\n([\s\S]*?)```/g)];
  expect(examples.length).toBeGreaterThanOrEqual(3);
  for (const [, example = ''] of examples) await server.ok('estimate_cost', JSON.parse(example));
});

const pages = (await readdir(path.join(project, 'docs'))).filter((name) => name.endsWith('.md'));

test.each(['README.md', 'AGENTS.md', 'CONTRIBUTING.md', ...pages.map((name) => `docs/${name}`)])(
  'the links and the JSON of %s are right',
  async (file) => {
    const text = await read(file);
    for (const [, link] of text.matchAll(/\]\(([^):#]+)\)/g)) {
      await expect(access(path.join(project, path.dirname(file), link ?? ''))).resolves.toBe(undefined);
    }
    for (const [, json] of text.matchAll(/```json\n([\s\S]*?)```/g)) {
      expect(() => JSON.parse(json ?? ''), json).not.toThrow();
    }
  },
);

test('README.md is no longer than somebody reads who has just come', async () => {
  expect((await read('README.md')).trimEnd().split('\n').length).toBeLessThanOrEqual(200);
});
