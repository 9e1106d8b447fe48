import { mkdir, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { startApi, startCheckedServer } from '../api.ts';
import { succeeded } from '../api-server.ts';
import { type TestServer, temporaryFolder } from '../harness.ts';
import { eachNth } from '../long.ts';

/** A project beside which other things lie, and a table whose names somebody else has written. */
async function home(): Promise<{ folder: string; server: TestServer; end: () => void }> {
  const folder = await temporaryFolder();
  const at = (...names: string[]) => path.join(folder, ...names);
  for (const made of ['other', 'work/.git/hooks', 'work/src', 'work/node_modules/p']) {
    await mkdir(at(made), { recursive: true });
  }
  await writeFile(at('work/mine.md'), 'mine');
  await symlink(at('other'), at('work/linked'));
  await symlink(at('other/new.md'), at('work/dangling.md'));
  const api = await startApi({ results: (requests) => requests.map((each) => succeeded(each, 'Written.')) });
  const server = await startCheckedServer({ api, folder });
  return { folder, server, end: () => api.endAll() };
}

async function filesIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => !entry.isDirectory())
    .map((entry) => path.relative(folder, path.join(entry.parentPath, entry.name)))
    .filter((name) => !name.startsWith('data'))
    .sort();
}

/** What stands in a row, and where the agent was talked into putting the answer. */
const rows: [what: string, name: string, pattern?: string][] = [
  ['out of the folder', '../../other/x'],
  ['out of the pattern’s own folder', '../x', 'out/{{name}}.md'],
  ['out by a folder on the way', 'a/../../x'],
  ['from the root', '/tmp/batch-mcp-test-x'],
  ['with backslashes', '..\\..\\other\\x'],
  ['into a hidden folder', '.git/hooks/post-commit', '{{name}}.txt'],
  ['under a hidden name', '.bashrc', '{{name}}.txt'],
  ['into node_modules', 'node_modules/p/index', '{{name}}.js'],
  ['as an agent’s instructions', 'CLAUDE'],
  ['as an agent’s instructions in a folder', 'src/AGENTS'],
  ['as a skill', 'skills/x/SKILL'],
  ['as a package', 'package', '{{name}}.json'],
  ['as a build', 'src/vite.config', '{{name}}.ts'],
  ['as tests’ own set-up', 'conftest', '{{name}}.py'],
  ['as a list of what to install', 'requirements', '{{name}}.txt'],
  ['as an agent’s instructions, by a letter that others fold', 'AGENT\u017f'],
  ['as an agent’s instructions, in wide letters', '\uff23\uff2c\uff21\uff35\uff24\uff25'],
  ['as an agent’s instructions, with a soft hyphen', 'CLAUDE\u00ad'],
  ['as an agent’s instructions, with a mark that some file systems skip', 'CLAUDE\u206a'],
  ['as those of one more agent', 'docs/QWEN'],
  ['as a set-up of tests', 'test/karma.conf', '{{name}}.js'],
  ['as a pipeline', 'azure-pipelines', '{{name}}.yml'],
  ['as hooks of Git', 'lefthook', '{{name}}.yml'],
  ['as a package of Swift', 'Package', '{{name}}.swift'],
  ['as a program’s set-up', 'bunfig', '{{name}}.toml'],
  ['as what a host builds', 'vercel', '{{name}}.json'],
  ['as an option of whatever is given all files', '--checkpoint-action=exec=sh x'],
  ['as a short option', '-rf'],
  ['with a line separator', 'a\u2028b'],
  ['with a letter that is blank', 'a\u3164'],
  ['through a link', 'linked/x'],
  ['over a link that leads out', 'dangling'],
  ['over a file of the person’s', 'mine'],
  ['below a file', 'mine.md/x'],
  ['with a line break', 'a\nb'],
  ['with a NUL', 'a\u0000b', '{{name}}.txt'],
  ['turned round', 'a\u202Etxt'],
  ['as a device', 'NUL', '{{name}}/x.md'],
  ['without a name', ' '],
  ['without a name in a folder', '', 'out/{{name}}.md'],
  ['with a name that is too long', 'x'.repeat(300)],
  ['with a folder that has no name', 'a//b'],
];

describe('a name from a stranger’s table', () => {
  eachNth(8, rows)('does not lead %s', async (_what, name, pattern = '{{name}}.md') => {
    const { folder, server, end } = await home();
    await writeFile(
      path.join(server.work, 't.json'),
      JSON.stringify([
        { n: 1, name },
        { n: 2, name: 'good' },
      ]),
    );
    const before = await filesIn(folder);
    const asked = await server.call('submit_batch', {
      rows_file: 't.json',
      prompt: 'x {{name}}',
      output_pattern: pattern,
    });
    expect(asked.isError, asked.text).toBe(false);
    end();
    const reply = await server.ok('batch_status', { batch_id: asked.reply.batch_id, wait_seconds: 20 });
    expect(reply.answer_files).toMatchObject({ written: 1, left: [{ count: 1, why: expect.any(String) }] });
    const good = path.join('work', pattern.replace('{{name}}', 'good'));
    expect((await filesIn(folder)).filter((file) => !before.includes(file)).sort()).toEqual(
      [good, 'work/t.json'].filter((file) => !before.includes(file)).sort(),
    );
    expect(await readFile(path.join(server.work, 'mine.md'), 'utf8')).toBe('mine');
    expect((await stat(path.join(folder, good))).mode & 0o777).toBe(0o600);
  });
});

const patterns: [what: string, pattern: string, code: string][] = [
  ['outside', '/tmp/{{name}}.md', 'not_allowed'],
  ['above', '../other/{{name}}.md', 'not_allowed'],
  ['through a link', 'linked/{{name}}.md', 'not_allowed'],
  ['in a hidden folder', '.github/workflows/{{name}}.yml', 'not_allowed'],
  ['in the data folder', '../data/{{name}}.md', 'not_allowed'],
  ['as scripts', '{{name}}.sh', 'not_allowed'],
  ['as programs', 'out/{{name}}.exe', 'not_allowed'],
  ['as what a desktop starts', '{{name}}.desktop', 'not_allowed'],
  ['as what old Windows starts', '{{name}}.pif', 'not_allowed'],
  ['as a project of an editor', '{{name}}.csproj', 'not_allowed'],
  ['as instructions', '{{name}}/CLAUDE.md', 'not_allowed'],
  ['as builds', '{{name}}/Makefile', 'invalid_input'],
  ['under the row’s own ending', 'out/{{name}}', 'invalid_input'],
  ['all under one name', 'out/answer.md', 'invalid_input'],
  ['as a folder', 'out/{{name}}/', 'invalid_input'],
  ['with backslashes', 'out\\{{name}}.md', 'invalid_input'],
  ['into installed packages', 'node_modules/{{name}}.js', 'invalid_input'],
  ['above, behind a place', '{{name}}/../../{{name}}.md', 'invalid_input'],
  ['hidden, behind a place', '{{name}}/.agents/{{name}}.md', 'invalid_input'],
  ['as a device', '{{name}}/con.md', 'invalid_input'],
  ['after a column that is none', 'out/{{nmae}}.md', 'invalid_input'],
  ['after what the answer says', 'out/{{text}}.md', 'invalid_input'],
];

describe('a pattern of an agent that was talked into it', () => {
  eachNth(3, patterns)('is refused before anything is sent: %s', async (_what, output_pattern, code) => {
    const { folder, server } = await home();
    await writeFile(path.join(server.work, 't.json'), '[{"name":"a"}]');
    const before = await filesIn(folder);
    const args = { rows_file: 't.json', prompt: 'x', output_pattern };
    expect(await server.fails('submit_batch', args)).toMatch(new RegExp(`^${code}`));
    expect(await filesIn(folder)).toEqual(before);
  });
});

it('a read-only server writes none', async () => {
  const { folder, server, end } = await home();
  const { batch_id } = await server.ok('submit_batch', {
    requests: [{ task_id: 'a', prompt: 'x' }],
    sandbox: true,
  });
  end();
  const looking = await startCheckedServer({ folder, argv: ['--read-only'] });
  const asked = { batch_id, output_pattern: '{{task_id}}.md' };
  expect(await looking.fails('get_results', asked)).toMatch(/^not_allowed/);
});
