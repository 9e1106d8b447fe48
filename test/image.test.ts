import { cp, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import picomatch from 'picomatch';
import { expect, onTestFinished, test } from 'vitest';
import * as z from 'zod';
import { temporaryFolder } from './harness.ts';
import { long } from './long.ts';

const root = path.resolve(import.meta.dirname, '..');
const text = (file: string) => readFile(path.join(root, file), 'utf8');

type Image = { command: string; args: string[]; cwd: string; env: Record<string, string> };

/** The last stage of the Dockerfile, made in a folder as an engine would make it in its root: how its program is started. */
async function makeImage(inside: (place: string) => string): Promise<Image> {
  const stage = (await text('Dockerfile')).split(/^FROM /m).at(-1) ?? '';
  const placed = (word: string) => (word.startsWith('/') ? inside(word) : word);
  const image: Image = {
    command: '',
    args: [],
    cwd: inside('/'),
    env: { PATH: process.env.PATH ?? '', BATCH_MCP_SANDBOX_SECONDS: '0.1' },
  };
  for (const [, instruction, rest = ''] of stage.matchAll(/^([A-Z]+) (.+)$/gm)) {
    const words = rest.split(/\s+/);
    if (instruction === 'WORKDIR') image.cwd = inside(rest);
    if (instruction === 'WORKDIR' || instruction === 'RUN') {
      for (const folder of words.filter((word) => word.startsWith('/')))
        await mkdir(inside(folder), { recursive: true });
    }
    if (instruction === 'COPY') {
      const [target = '', ...sources] = words.filter((word) => !word.startsWith('--')).reverse();
      for (const source of sources) {
        const name = path.relative('/src', source);
        const isFolder = target.endsWith('/');
        await cp(path.join(root, name), path.join(image.cwd, target, isFolder ? name : ''), {
          recursive: true,
        });
      }
    }
    if (instruction === 'ENV') {
      for (const [, name = '', value = ''] of rest.matchAll(/(\w+)=(\S+)/g)) image.env[name] = placed(value);
    }
    if (instruction === 'ENTRYPOINT') {
      const [, ...args] = z.array(z.string()).parse(JSON.parse(rest));
      Object.assign(image, { command: process.execPath, args: args.map(placed) });
    }
  }
  return image;
}

test(
  'the image works on what is mounted, by paths as they stand there, and keeps batches in its volume',
  long,
  async () => {
    const folder = await temporaryFolder();
    const inside = (place: string) => path.join(folder, place);
    const image = await makeImage(inside);
    await writeFile(inside('/work/people.csv'), 'name\nAda\nGrace\n');
    const client = new Client({ name: 'image', version: '1' });
    await client.connect(new StdioClientTransport({ ...image, stderr: 'ignore' }));
    onTestFinished(() => client.close());
    expect((await client.listTools()).tools).toHaveLength(7);
    const work = { rows_file: 'people.csv', prompt: 'Greet {{name}}.', output_file: 'greetings.csv' };
    const submitted = await client.callTool({
      name: 'submit_batch',
      arguments: { ...work, sandbox: true },
    });
    expect(submitted.isError, JSON.stringify(submitted.content)).not.toBe(true);
    const look = { name: 'batch_status', arguments: { batch_id: 'last', wait_seconds: 20 } };
    await expect
      .poll(async () => (await client.callTool(look)).structuredContent)
      .toMatchObject({ output_files: [inside('/work/greetings.csv')] });
    expect(await readdir(inside('/data/batches'))).toHaveLength(1);
  },
);

test.each([
  ['package.json', true],
  ['src/server.ts', true],
  ['build/notice.mjs', true],
  ['node_modules/zod/package.json', false],
  ['test/clients/node_modules/ai/package.json', false],
  ['dist/server.js', false],
  ['deploy/settings.env', false],
  ['.env', false],
  ['batch-mcp-0.1.0.mcpb', false],
])('whether the image is built from %s: %s', async (file, isSent) => {
  const patterns = (await text('.dockerignore')).trim().split('\n');
  // As an engine reads it: a pattern is for a path from the top, and a folder's for all that is in it.
  const places = file.split('/').map((_, index, names) => names.slice(0, index + 1).join('/'));
  expect(places.some((place) => picomatch.isMatch(place, patterns, { dot: true }))).toBe(!isSent);
});
