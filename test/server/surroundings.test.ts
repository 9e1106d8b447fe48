import { spawn, spawnSync } from 'node:child_process';
import { chmod, chown, mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { z } from 'zod';
import { builtServer, spawnServer, temporaryFolder } from '../harness.ts';
import { eachNth, eachNthOf, long } from '../long.ts';

const builtCli = path.join(path.dirname(builtServer), 'cli.js');
const isRoot = process.getuid?.() === 0;
/** A user id that no system has a name for. */
const NAMELESS = 54_321;

const requests = [{ task_id: 'a', prompt: 'How are you?' }];

type Run = {
  program?: string;
  nodeArgs?: string[];
  argv?: string[];
  env?: Record<string, string>;
  uid?: number;
  cwd?: string;
  stdin?: 'ignore' | 'pipe';
  /** False where nobody reads what it prints. */
  reads?: boolean;
};

/** Runs a program whose stdin ends at once. */
async function run({
  program = builtServer,
  nodeArgs = [],
  argv = [],
  env = {},
  reads = true,
  ...options
}: Run) {
  const child = spawn(process.execPath, [...nodeArgs, program, ...argv], {
    cwd: '/',
    env: { PATH: process.env.PATH, ...env },
    ...options,
  });
  onTestFinished(() => {
    child.kill('SIGKILL');
  });
  let stderr = '';
  let stdout = '';
  child.stderr?.on('data', (chunk) => {
    stderr += String(chunk);
  });
  child.stdout?.on('data', (chunk) => {
    stdout += String(chunk);
  });
  child.stdin?.end();
  if (!reads) child.stdout?.destroy();
  const code = await new Promise((resolve) => child.on('close', resolve));
  return { code, stdout, stderr };
}

/** A folder that everybody may write to. */
async function openFolder(): Promise<string> {
  const folder = await temporaryFolder();
  await chmod(folder, 0o777);
  return folder;
}

describe.each([
  ['server.js', builtServer],
  ['cli.js', builtCli],
])('an old Node, by %s', (_, program) => {
  eachNthOf(5, ['12.22.12', '16.20.2', '18.20.8', '20.9.0', '20.18.3'])(
    '%s is told in one line',
    async (version) => {
      const fake = `Object.defineProperty(process, 'versions', { value: { node: '${version}' } })`;
      const nodeArgs = ['--import', `data:text/javascript,${encodeURIComponent(fake)}`];
      const { code, stdout, stderr } = await run({ program, nodeArgs });
      expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
      expect(stderr).toMatch(
        /^batch-mcp needs Node 20\.19 or later, and this is Node [\d.]+ \(.*\)\. [^\n]*\n$/,
      );
      expect(stderr).toContain(version);
    },
  );

  test('can read what it is given: nothing newer than modules is in it', async () => {
    const texts = [await readFile(program, 'utf8')];
    for (const [, chunk] of (texts[0] ?? '').matchAll(/from ?"(\.[^"]+)"/g)) {
      texts.push(await readFile(path.join(path.dirname(program), chunk ?? ''), 'utf8'));
    }
    for (const text of texts)
      expect(text).not.toMatch(/\?\.|\?\?|^await |;await |import\.meta\.(?!url)|\d_\d/);
  });
});

test.each([
  ['server.js', builtServer],
  ['cli.js', builtCli],
])('a process that may open few files says so in a line, or gets by with them, by %s', (_, program) => {
  const few = spawnSync('sh', [
    '-c',
    'ulimit -n 26 && exec "$@"',
    'sh',
    process.execPath,
    program,
    '--sandbox',
  ]);
  // Node 22 and later read one module after another.
  const code = Number.parseInt(process.versions.node, 10) < 22 ? 1 : 0;
  expect({ code: few.status, stdout: String(few.stdout) }).toEqual({ code, stdout: '' });
  if (code === 0) return;
  expect(String(few.stderr)).toMatch(
    /^batch-mcp could not load its own code: EMFILE[^\n]*Allow it at least 64 open files \(ulimit -n 64\)\.\n$/,
  );
});

eachNthOf(6, ['--help', '-h', '--version', '-v'])(
  '%s to a reader that has gone is no failure',
  async (flag) => {
    const { code, stderr } = await run({ argv: [flag], reads: false });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  },
);

test('the oldest Node that is taken is the one that the manifest names', async () => {
  const manifest = z.object({ engines: z.object({ node: z.literal('>=20.19') }) });
  manifest.parse(JSON.parse(await readFile(path.resolve(builtServer, '../../package.json'), 'utf8')));
});

describe('a start says', () => {
  eachNth(2, [
    ['nothing is on stdin', { stdin: 'ignore' }],
    ['stdin is closed before a message', { stdin: 'pipe' }],
  ] satisfies [string, Run][])('that %s, and how a container keeps it open', async (_, options) => {
    const HOME = await temporaryFolder();
    const { code, stdout, stderr } = await run({ ...options, env: { HOME } });
    expect({ code, stdout }).toEqual({ code: 0, stdout: '' });
    expect(stderr).toMatch(/ warn stdin was closed before any message arrived\..*docker run -i/);
  });

  const noKey = / warn There is no usable Anthropic credential: .*ANTHROPIC_API_KEY.*--sandbox/;
  const credentials: [string, Record<string, string>, string[], boolean][] = [
    ['no key', {}, [], true],
    ['an empty key', { ANTHROPIC_API_KEY: '' }, [], true],
    ['an unfilled key', { ANTHROPIC_API_KEY: '<your-key>' }, [], true],
    ['a key', { ANTHROPIC_API_KEY: 'sk-ant-something' }, [], false],
    ['a token', { ANTHROPIC_AUTH_TOKEN: 'something-long' }, [], false],
    ['a header', { ANTHROPIC_CUSTOM_HEADERS: 'authorization: Bearer something' }, [], false],
    ['the sandbox', {}, ['--sandbox'], false],
  ];
  eachNth(12, credentials)('once that there is no credential, with %s', async (_, env, argv, said) => {
    const HOME = await temporaryFolder();
    const { stderr } = await run({ argv, env: { HOME, ...env } });
    expect(stderr.split('\n').filter((line) => noKey.test(line))).toHaveLength(said ? 1 : 0);
  });

  test('which allowed folder does not exist', async () => {
    const HOME = await temporaryFolder();
    const { stderr } = await run({ argv: ['--allow-dir', '/no/such', HOME], env: { HOME } });
    expect(stderr.match(/ warn The allowed folder ".*" does not exist/g)).toEqual([
      ' warn The allowed folder "/no/such" does not exist',
    ]);
  });

  test('which allowed folder is a file', long, async () => {
    const HOME = await temporaryFolder();
    const { stderr } = await run({ argv: ['--allow-dir', builtServer], env: { HOME } });
    expect(stderr).toContain(` warn The allowed folder "${builtServer}" is not a folder`);
  });

  eachNth<[name: string, argv: string[], env: Record<string, string>]>(4, [
    ['--templates', ['--templates', '/no/such'], {}],
    ['BATCH_MCP_TEMPLATES', [], { BATCH_MCP_TEMPLATES: '/no/such' }],
    ['BATCH_MCP_PRICES', [], { BATCH_MCP_PRICES: '/no/such' }],
  ])('in one line that there is nothing where %s names it', async (name, argv, env) => {
    const HOME = await temporaryFolder();
    const { code, stderr } = await run({ argv, env: { HOME, ...env } });
    expect(code).toBe(2);
    expect(stderr).toMatch(/^batch-mcp: [^\n]*\/no\/such[^\n]*\n$/);
    expect(stderr).toContain(name);
  });

  test('which variables do not count', async () => {
    const HOME = await temporaryFolder();
    const env = { HOME, BATCH_MCP_WORK_DIR: '$HOME/x', ANTHROPIC_BASE_URL: '<url>', BATCH_MCP_PRICES: '' };
    const { stderr } = await run({ env });
    expect(stderr).toMatch(/ warn BATCH_MCP_WORK_DIR holds "\$HOME", a placeholder/);
    expect(stderr).toMatch(/ warn ANTHROPIC_BASE_URL holds a placeholder/);
    expect(stderr).toMatch(/ warn BATCH_MCP_PRICES is empty/);
  });
});

describe('a machine as containers have it', () => {
  test.skipIf(!isRoot)('without a home folder the start asks for a data folder', async () => {
    const { code, stdout, stderr } = await run({ uid: NAMELESS });
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(/BATCH_MCP_DATA_DIR: is not set, and there is no home folder.*--data-dir/);
    expect(stderr).not.toContain('    at ');
  });

  test.skipIf(!isRoot)('without a home folder, with a data folder, everything works', long, async () => {
    const folder = await openFolder();
    await mkdir(path.join(folder, 'work'));
    await chown(path.join(folder, 'work'), NAMELESS, NAMELESS);
    const server = await spawnServer({
      folder,
      under: ['/usr/bin/env', '-i', 'setpriv', `--reuid=${NAMELESS}`, '--clear-groups', '--'],
      argv: ['--sandbox', '--data-dir', path.join(folder, 'data')],
    });
    const { batch_id } = await server.ok('submit_batch', { requests, output_file: 'answers.csv' });
    expect(await server.ok('batch_status', { batch_id, wait_seconds: 20 })).toMatchObject({
      output_files: [path.join(folder, 'work', 'answers.csv')],
    });
  });

  /** A root that nothing can be written to, but for a data folder in memory, where `data` is mounted; nothing is set. */
  const readOnlyRoot = (data: string): [string, ...string[]] => [
    'unshare',
    '--mount',
    '--',
    'sh',
    '-c',
    `mount -t tmpfs data '${data}' && mount -o remount,bind,ro / && exec env -i "$@"`,
    'sh',
  ];
  const canMount =
    isRoot && spawnSync('unshare', ['--mount', 'mount', '-o', 'remount,bind,ro', '/']).status === 0;

  test.runIf(canMount)('a read-only root, a data folder in memory, and nothing set', long, async () => {
    const folder = await temporaryFolder();
    const data = path.join(folder, 'data');
    await mkdir(data);
    const server = await spawnServer({
      folder,
      under: readOnlyRoot(data),
      argv: ['--sandbox', '--data-dir', data],
    });
    const { batch_id } = await server.ok('submit_batch', { requests });
    await server.ok('batch_status', { batch_id, wait_seconds: 20 });
    expect(await server.ok('get_results', { batch_id })).toMatchObject({ totals: { succeeded: 1 } });
    const said = await server.fails('get_results', { batch_id, output_file: 'answers.csv' });
    expect(said).toMatch(/read-only/);
    expect(said).not.toContain('    at ');
  });

  test.runIf(canMount)('a data folder on a read-only root says so', async () => {
    const folder = await temporaryFolder();
    const data = path.join(folder, 'memory');
    await mkdir(data);
    const server = await spawnServer({
      folder,
      under: readOnlyRoot(data),
      argv: ['--sandbox', '--data-dir', path.join(folder, 'data')],
    });
    expect(await server.fails('submit_batch', { requests })).toMatch(
      /^store_failed: .*The file system is read-only: choose another data folder with BATCH_MCP_DATA_DIR/,
    );
    expect(await server.ok('estimate_cost', { requests })).toMatchObject({ request_count: 1 });
  });

  test('an empty HOME is none', async () => {
    const { code, stderr } = await run({ env: { HOME: '' } });
    expect(code).toBe(0);
    expect(stderr).not.toContain('data in /.local');
  });

  test('a working folder that is gone', long, async () => {
    const folder = await temporaryFolder();
    const gone = path.join(folder, 'gone');
    await mkdir(gone);
    const server = await spawnServer({
      folder,
      cwd: gone,
      under: ['sh', '-c', 'rmdir "$PWD" && exec "$@"', 'sh'],
      argv: ['--sandbox'],
    });
    const { batch_id } = await server.ok('submit_batch', { requests, output_file: 'answers.csv' });
    expect(await server.ok('batch_status', { batch_id, wait_seconds: 20 })).toMatchObject({
      output_files: [path.join(folder, 'batch-mcp', 'answers.csv')],
    });
  });

  test.runIf(process.platform === 'linux')('2 GB of address space', long, async () => {
    const server = await spawnServer({
      under: ['sh', '-c', 'ulimit -v 2097152 && exec "$@"', 'sh'],
      argv: ['--sandbox'],
    });
    const { batch_id } = await server.ok('submit_batch', { requests });
    await server.ok('batch_status', { batch_id, wait_seconds: 20 });
    expect(await server.ok('get_results', { batch_id })).toMatchObject({ totals: { succeeded: 1 } });
    expect(server.stderr()).not.toMatch(/wasm/i);
  });

  eachNth<[what: string, make: (folder: string) => Promise<string>, says: string]>(4, [
    [
      'a file',
      async (folder) => {
        await writeFile(path.join(folder, 'file'), '');
        return path.join(folder, 'file');
      },
      'is a file: name a folder with BATCH_MCP_DATA_DIR',
    ],
    [
      'below a file',
      async (folder) => {
        await writeFile(path.join(folder, 'file'), '');
        return path.join(folder, 'file', 'data');
      },
      'is a file: name a folder with BATCH_MCP_DATA_DIR',
    ],
    [
      'a circle of links',
      async (folder) => {
        await symlink(path.join(folder, 'b'), path.join(folder, 'a'));
        await symlink(path.join(folder, 'a'), path.join(folder, 'b'));
        return path.join(folder, 'a');
      },
      'leads in a circle',
    ],
    ['a name of 300 letters', async (folder) => path.join(folder, 'x'.repeat(300)), 'is too long'],
  ])('a data folder that is %s', async (_what, make, says) => {
    const folder = await temporaryFolder();
    const server = await spawnServer({ folder, argv: ['--sandbox', '--data-dir', await make(folder)] });
    expect(await server.fails('submit_batch', { requests })).toMatch(new RegExp(`^store_failed: .*${says}`));
    expect(server.stderr()).not.toContain('    at ');
  });

  test('a HOME that is a file', async () => {
    const folder = await temporaryFolder();
    const HOME = path.join(folder, 'home');
    await writeFile(HOME, '');
    const { code, stderr } = await run({ argv: ['--sandbox'], env: { HOME } });
    expect(code).toBe(0);
    expect(stderr).not.toContain('    at ');
  });

  test.runIf(process.platform === 'linux').each(['/proc/x', '/proc/x/y/z', '/dev/null/x'])(
    'a data folder that cannot be made: %s',
    long,
    async (data) => {
      const server = await spawnServer({ argv: ['--sandbox', '--data-dir', data] });
      const refused = await server.fails('submit_batch', { requests });
      expect(refused).toContain(data);
      expect(refused).toMatch(/^store_failed/);
    },
  );
});
