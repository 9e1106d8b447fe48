import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { builtServer, temporaryFolder } from '../harness.ts';

const run = promisify(execFile);
const here = import.meta.dirname;
/** These want a newer Node than the server does, and have it among their own packages. */
const node = path.join(here, 'node_modules/node/bin/node');

const clients = [
  { kind: 'agent', name: 'ai-sdk', from: '@ai-sdk/mcp' },
  { kind: 'agent', name: 'claude-code', from: '@anthropic-ai/claude-code' },
  { kind: 'agent', name: 'langchain', from: '@langchain/mcp-adapters' },
  { kind: 'agent', name: 'openai-agents', from: '@openai/agents' },
  { kind: 'agent', name: 'mastra', from: '@mastra/mcp' },
  { kind: 'caller', name: 'mcporter', from: 'mcporter' },
  { kind: 'caller', name: 'inspector', from: '@modelcontextprotocol/inspector' },
  { kind: 'caller', name: 'sdk-1', from: '@modelcontextprotocol/sdk' },
  { kind: 'caller', name: 'client-2', from: '@modelcontextprotocol/client' },
] as const;

const report = z.object({
  version: z.string(),
  asksForProgress: z.boolean(),
  sendsCancel: z.boolean(),
  tools: z.array(z.looseObject({ name: z.string() })),
  turns: z.array(
    z.object({
      tool: z.string(),
      sent: z.string(),
      shown: z.string(),
      form: z.enum(['text', 'structured', 'both']),
      isError: z.boolean(),
    }),
  ),
});
type Report = z.infer<typeof report>;

const mainJob = [
  'submit_batch',
  'batch_status',
  'get_results',
  'retry_batch',
  'batch_status',
  'get_results',
  'batch_status',
];

async function play({ kind, name }: (typeof clients)[number]): Promise<Report> {
  const folder = await temporaryFolder();
  const args = [path.join(here, 'play.js'), kind, name, builtServer, folder];
  const env = { PATH: process.env.PATH, HOME: folder, SERVER_NODE: process.execPath };
  const { stdout } = await run(node, args, { env, cwd: folder, maxBuffer: 10_000_000 });
  return report.parse(JSON.parse(stdout));
}

const manifest = z.looseObject({ version: z.string() });

async function versionOf(name: string): Promise<string> {
  const file = path.join(here, 'node_modules', name, 'package.json');
  return manifest.parse(JSON.parse(await readFile(file, 'utf8'))).version;
}

const yesNo = (is: boolean) => (is ? 'yes' : 'no');

/** One line of the table in docs/clients.md. */
function lineOf(name: string, version: string, { turns, ...report }: Report): string {
  // Made-up answers are now longer, now shorter; of an error there is only the text.
  const replies = turns.slice(0, -1).filter(({ tool }) => tool !== 'get_results');
  const size = (what: 'sent' | 'shown') => replies.reduce((sum, turn) => sum + turn[what].length, 0);
  const cells = [
    `\`${name}\` ${version}`,
    report.version,
    replies[0]?.form,
    (size('shown') / size('sent')).toFixed(1),
    yesNo(turns.at(-1)?.isError === true),
    yesNo(report.asksForProgress),
    yesNo(report.sendsCancel),
  ];
  return `| ${cells.join(' | ')} |`;
}

describe('the main job', () => {
  test.each(clients)('is done by $name, as docs/clients.md has it', async (client) => {
    const played = await play(client);
    const { turns } = played;
    expect(turns.map(({ tool }) => tool)).toEqual(mainJob);
    expect(turns[1]?.shown).toMatch(/incomplete\W+1\b/);
    expect(turns[5]?.shown).toMatch(/succeeded\W+3\b/);
    // What an error says reaches the model, whether it is marked as one or not.
    expect(turns[6]?.shown).toContain('is not the id or the name of a batch');
    expect(turns[6]?.shown).toContain('list_batches shows them');

    const docs = await readFile(path.join(here, '../../docs/clients.md'), 'utf8');
    const line = lineOf(client.from, await versionOf(client.from), played);
    expect(docs.split('\n').filter((each) => each.startsWith(`| \`${client.from}\` `))).toEqual([line]);
  });
});

const tool = z.object({
  name: z.string(),
  schema: z.looseObject({ properties: z.record(z.string(), z.unknown()) }),
});
const converted = z.object({
  advertised: z.array(tool),
  gemini: z.array(tool),
  langChain: z.array(tool),
});

describe('the tools', () => {
  test('come whole through the conversions for Gemini and by LangChain', async () => {
    const cwd = await temporaryFolder();
    const { stdout } = await run(node, [path.join(here, 'convert.js'), builtServer], { cwd });
    const { advertised, gemini, langChain } = converted.parse(JSON.parse(stdout));
    const argumentsOf = (tools: typeof advertised) =>
      tools.map(({ name, schema }) => [name, Object.keys(schema.properties).sort()]);
    expect(advertised).toHaveLength(7);
    expect(argumentsOf(gemini)).toEqual(argumentsOf(advertised));
    expect(argumentsOf(langChain)).toEqual(argumentsOf(advertised));
  });

  test('have nothing that the Inspector warns of', async () => {
    const cwd = await temporaryFolder();
    const manifestFile = path.join(here, 'node_modules/@modelcontextprotocol/inspector/package.json');
    const { bin } = inspector.parse(JSON.parse(await readFile(manifestFile, 'utf8')));
    const program = path.join(path.dirname(manifestFile), bin['mcp-inspector']);
    const list = ['--cli', '--method', 'tools/list', '--strict'];
    const started = ['-e', 'BATCH_MCP_LOG_LEVEL=error', '--', process.execPath, builtServer, '--sandbox'];
    const env = { PATH: process.env.PATH, HOME: cwd };
    const { stdout, stderr } = await run(node, [program, ...list, ...started], { cwd, env });
    expect(JSON.parse(stdout).tools).toHaveLength(7);
    expect(stderr).toBe('');
  });
});

const inspector = z.looseObject({ bin: z.object({ 'mcp-inspector': z.string() }) });

const followed = z.object({
  shown: z.array(z.object({ text: z.string() })),
  notification: z.string(),
});

test('Claude Code follows a batch as a task, over its own end, and calls its model with the reply', async () => {
  const folder = await temporaryFolder();
  const env = { PATH: process.env.PATH, SERVER_NODE: process.execPath };
  const { stdout } = await run(node, [path.join(here, 'follow.js'), builtServer, folder], {
    env,
    cwd: folder,
  });
  const { shown, notification } = followed.parse(JSON.parse(stdout));
  const [submitted, following] = shown.map(({ text }) => text);
  const batchId = /batch_[0-9A-Z]{26}/.exec(submitted ?? '')?.[0] ?? 'none';
  expect(following).toContain(`started server-side task ${batchId}`);
  expect(notification).toContain(`All results are in. Call get_results with batch_id ${batchId}.`);
});

test.each(['.', 'plugin'])(
  'Claude Code finds nothing wrong with the plugin or its marketplace (%s)',
  async (folder) => {
    const env = { PATH: process.env.PATH, HOME: await temporaryFolder() };
    const claude = path.join(here, 'node_modules/.bin/claude');
    const { stdout } = await run(claude, ['plugin', 'validate', path.join(here, '../..', folder)], { env });
    expect(stdout).toContain('Validation passed');
  },
);
