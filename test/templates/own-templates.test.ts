import { mkdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { readBody } from '../../src/templates/template-head.ts';
import { startApi, startCheckedServer } from '../api.ts';
import { type ApiRequest, type ApiServer, succeeded } from '../api-server.ts';
import { startServer, type TestServer, temporaryFolder } from '../harness.ts';

const head = (lines: string, body = 'Do {{text}}.') => `---\ndescription: x\n${lines}---\n${body}\n`;

async function withTemplates(
  files: Record<string, string | Buffer>,
  results?: (requests: ApiRequest[]) => object[],
): Promise<{ api: ApiServer; server: TestServer; dir: string }> {
  const dir = await temporaryFolder();
  for (const [name, content] of Object.entries(files)) await writeFile(path.join(dir, name), content);
  const api = await startApi(results ? { results } : {});
  const server = await startCheckedServer({ api, argv: ['--templates', dir] });
  return { api, server, dir };
}

const triage = `---
name: triage
description: Sorts a ticket.
fields: { ticket: the text, product: what it is about }
tier: cheap
max_tokens: 300
output_schema: { type: object, properties: { queue: { type: string } }, required: [queue], additionalProperties: false }
---
# System
You support {{product}}.

\`\`\`
# Not a heading
\`\`\`

# Prompt
Which queue?

{{ ticket }}
`;

describe('the system prompt in a file', () => {
  it.each<[body: string, system: string, prompt: string]>([
    ['# System\nS\n# Prompt\nP', 'S', 'P'],
    ['# SYSTEM:\nS\n# User\nP', 'S', 'P'],
    ['# System prompt\nS\n# User message\nP', 'S', 'P'],
    ['# System ##\nS\n## More\ns\n# Prompt:\nP', 'S\n## More\ns', 'P'],
    ['\n## System\nS\n### More\ns\n## Prompt\nP\n# Top', 'S\n### More\ns', 'P\n# Top'],
    ['P\n# System\nS', 'S', 'P'],
    // A prompt can be about systems and users.
    ['## System\nDescribe it.', '', '## System\nDescribe it.'],
    ['# Task\nx\n## System\ny\n## Prompt\nz', '', '# Task\nx\n## System\ny\n## Prompt\nz'],
    ['# System design\nx', '', '# System design\nx'],
    ['# User\nx', '', '# User\nx'],
    ['# System\nS\n# Rules\nx\n# User\ny', 'S', '# Rules\nx\n# User\ny'],
    ['```\n# System\n```\nP', '', '```\n# System\n```\nP'],
  ])('of %j', (body, system, prompt) => {
    expect(readBody(body, 1)).toEqual({ system, prompt });
  });
});

describe('a task type of one’s own', () => {
  it('is used as the built-in ones are: prompt, system, tier, length and schema', async () => {
    const { api, server } = await withTemplates({ 'a.md': triage, 'README.md': 'no head', 'b.txt': 'x' });
    await writeFile(path.join(server.work, 't.csv'), 'ticket,product,old\n"{{x}} $& \'""{",P1,y\n,P2,z\n');
    await server.ok('submit_batch', { rows_file: 't.csv', task_type: 'triage' });
    const params = api.creates[0]?.requests.map((request) => request.params);
    expect(params?.[0]).toMatchObject({
      model: 'claude-haiku-5-5',
      max_tokens: 300,
      system: 'You support P1.\n\n```\n# Not a heading\n```',
      messages: [{ role: 'user', content: `Which queue?\n\n{{x}} $& '"{` }],
      output_config: { format: { schema: { required: ['queue'] } } },
    });
    expect(params?.[1]?.messages).toEqual([{ role: 'user', content: 'Which queue?\n\n' }]);
  });

  it('is filled from tasks and files too, and one place by whatever it can only mean', async () => {
    const { api, server } = await withTemplates({
      'one.md': head('', '{{material}}'),
      'file.md': head('', '{{stem}}: {{text}}'),
      'none.md': head(`license: MIT\nmetadata: { version: "1" }\ntags: [a]\nname: none\n`, 'All.'),
    });
    await mkdir(path.join(server.work, 'in'));
    await writeFile(path.join(server.work, 'in/a.txt'), 'A');
    await server.ok('submit_batch', { input_files: ['in'], task_type: 'one' });
    await server.ok('submit_batch', { input_files: ['in'], task_type: 'file' });
    await server.ok('submit_batch', {
      requests: [{ task_id: 'a', input_data: { material: 12 } }],
      task_type: 'one',
    });
    await server.ok('submit_batch', {
      requests: [{ task_id: 'a', input_data: { k: 'v' } }],
      task_type: 'none',
    });
    const said = api.creates.map(({ requests }) => requests[0]?.params.messages);
    expect(said.map((messages) => (messages as { content: string }[])[0]?.content)).toEqual([
      'A',
      'a: A',
      '12',
      'All.\n\n<k>\nv\n</k>',
    ]);
  });

  it('stands in place of a built-in one of its name, and is named in errors', async () => {
    const { api, server } = await withTemplates({
      'analyze_logs.md': head('', 'Mine: {{logs}}'),
      'triage.md': triage,
    });
    await server.ok('submit_batch', {
      requests: [{ task_id: 'a', task_type: 'analyze_logs', input_data: { logs: 'L' } }],
    });
    expect(api.creates[0]?.requests[0]?.params.messages).toEqual([{ role: 'user', content: 'Mine: L' }]);
    const mistyped = await server.fails('estimate_cost', {
      requests: [{ task_id: 'a', task_type: 'triagee', input_data: {} }],
    });
    expect(mistyped).toContain('did you mean "triage"');
    const missing = await server.fails('estimate_cost', {
      requests: [{ task_id: 'a', task_type: 'triage', input_data: { tikcet: 'x', product: 'p' } }],
    });
    expect(missing).toContain(
      'input_data.ticket: this field is required and is missing (did you mean "tikcet"?)',
    );
    await writeFile(path.join(server.work, 't.csv'), 'tikcet,product\na,b\n');
    const column = await server.fails('estimate_cost', { rows_file: 't.csv', task_type: 'triage' });
    expect(column).toContain('the place {{ticket}} names no column of rows_file (did you mean "tikcet"?)');
  });

  it.each([
    ['{text}', '{text} in the prompt is sent unchanged: did you mean {{text}}?'],
    ['{{text}', '{{text} in the prompt is sent unchanged: did you mean {{text}}?'],
    ['{{a {x}}}', 'the place {{a {x}}} is sent unchanged: a name with braces can fill none'],
  ])('says of %s that nothing fills it', async (place, said) => {
    const { server } = await withTemplates({ 'one.md': head('', `Do ${place}.`) });
    const row = { text: 'A', 'a {x}': 'B' };
    await writeFile(path.join(server.work, 'rows.jsonl'), JSON.stringify(row));
    for (const source of [{ rows_file: 'rows.jsonl' }, { requests: [{ task_id: 'a', input_data: row }] }]) {
      const { warnings } = await server.ok('estimate_cost', { ...source, task_type: 'one' });
      expect(warnings).toContain(said);
    }
  });

  it('asks for its effort, and has its answers checked by all of its schema', async () => {
    const schema = '{ type: object, properties: { t: { type: string, maxLength: 3 } } }';
    const { api, server } = await withTemplates(
      { 'a.md': head(`effort: low\noutput_schema: ${schema}\n`) },
      (requests) =>
        requests.map((request, index) => succeeded(request, index === 0 ? '{"t":"abc"}' : '{"t":"abcd"}')),
    );
    const requests = ['x', 'y'].map((text) => ({ task_id: text, task_type: 'a', input_data: { text } }));
    const { batch_id } = await server.ok('submit_batch', { requests });
    const config = api.creates[0]?.requests[0]?.params.output_config;
    // Sent as the API takes it, which is not as it was written.
    expect(config).toMatchObject({ effort: 'low', format: { schema: { additionalProperties: false } } });
    api.endAll();
    const { outcomes } = await server.ok('batch_status', { batch_id, wait_seconds: 20 });
    expect(outcomes).toMatchObject({ succeeded: 1, incomplete: 1 });
  });

  it('is other work once its file, or its schema, was changed', async () => {
    const files = {
      'a.md': head('output_schema: s.json\n'),
      's.json': '{"type":"object","additionalProperties":false}',
    };
    const { api, server, dir } = await withTemplates(files);
    const work = { requests: [{ task_id: 'a', task_type: 'a', input_data: { text: 'x' } }] };
    const duplicates: unknown[] = [];
    const submit = async () => duplicates.push((await server.ok('submit_batch', work)).duplicate);
    await submit();
    await submit();
    await writeFile(path.join(dir, 'a.md'), head('output_schema: s.json\ntier: cheap\n'));
    await submit();
    await writeFile(path.join(dir, 's.json'), '{"type":"object", "additionalProperties":false}');
    await submit();
    expect(duplicates).toEqual([false, true, false, false]);
    expect(api.creates).toHaveLength(3);
    await writeFile(path.join(dir, 'a.md'), 'broken');
    expect(await server.fails('submit_batch', work)).toContain('a.md:1');
    await rm(path.join(dir, 'a.md'));
    expect(
      await server.fails('estimate_cost', { ...work, task_type: 'zzz', requests: [{ task_id: 'a' }] }),
    ).not.toContain('a.md');
  });
});

const broken: [what: string, files: Record<string, string | Buffer>, says: string[]][] = [
  ['no head', { 'a.md': 'Do it.' }, ['a.md:1: does not begin with a head']],
  ['a head that never ends', { 'a.md': '---\nname: a\n' }, ['a.md:1: has a head that no line of --- ends']],
  [
    'an empty head',
    { 'a.md': '---\n---\nDo it.' },
    ['a.md:1: description: is missing. Valid: a text of 1 to 1,024'],
  ],
  ['tabs before a key', { 'a.md': head('fields:\n\ttext: x\n') }, ['a.md:4: is not YAML (TAB_AS_INDENT)']],
  [
    'aliases that grow without end',
    {
      'a.md': head(
        `a: &a [x, x]\nb: &b [${'*a, '.repeat(9)}x]\nc: &c [${'*b, '.repeat(9)}x]\nd: [${'*c, '.repeat(9)}x]\n`,
      ),
    },
    ['a.md:4: has an alias that cannot be followed'],
  ],
  [
    'an alias of nothing',
    { 'a.md': '---\ndescription: x\nname: *gone\n---\nDo.' },
    ['a.md:3: has an alias that cannot be followed'],
  ],
  ['keys merged in', { 'a.md': head('<<: {tier: cheap}\n') }, ['a.md:3: unknown key "<<"']],
  [
    'a head in words',
    { 'a.md': '---\njust words\n---\nDo.' },
    ['a.md:2: is not valid. Valid: keys with a value each'],
  ],
  [
    'a number in quotes',
    { 'a.md': head('max_tokens: "300"\n') },
    ['max_tokens: is not valid. Valid: a whole number'],
  ],
  [
    'an empty value',
    { 'a.md': head('tier:\n') },
    ['a.md:3: tier: is not valid. Valid: cheap, capable, premium'],
  ],
  ['an effort that is none', { 'a.md': head('effort: 1\n') }, ['effort: is not valid. Valid: low, medium']],
  ['fields that are none', { 'a.md': head('fields: 7\n') }, ['fields: is not valid. Valid: a list of names']],
  ['YAML that breaks', { 'a.md': '---\ndescription: x\nname: [a\n---\nDo.' }, ['a.md:', 'is not YAML']],
  ['a key twice', { 'a.md': '---\ndescription: x\ndescription: y\n---\nDo.' }, ['a.md:3', 'is not YAML']],
  [
    'an unknown key',
    { 'a.md': head('max_token: 5\n') },
    ['a.md:3: unknown key "max_token" (did you mean "max_tokens"?)'],
  ],
  [
    'a key of heads elsewhere',
    { 'a.md': head('model: haiku\n') },
    ['unknown key "model" (did you mean "tier"?)'],
  ],
  [
    'a prompt in its head',
    { 'a.md': head('system: You are X.\n') },
    ['a.md:3: unknown key "system". Valid: the text below the head, in which'],
  ],
  ['what a skill may do', { 'a.md': head('allowed-tools: Read\n') }, ['unknown key "allowed-tools"']],
  ['a wrong tier', { 'a.md': head('name: a\ntier: big\n') }, ['a.md:4: tier']],
  ['a wrong length', { 'a.md': head('max_tokens: many\n') }, ['a.md:3: max_tokens']],
  [
    'half a character in its schema',
    { 'a.md': head('output_schema: {"type":"object","properties":{"a\\ud83d":{"type":"string"}}}\n') },
    ['a.md:3: output_schema.properties["a\\ud83d"]'],
  ],
  [
    'bytes that are no UTF-8',
    { 'a.md': Buffer.from(head('', 'Do {{text}} \xe9.'), 'latin1') },
    ['a.md:1: is not UTF-8'],
  ],
  [
    'half a character in bytes',
    { 'a.md': Buffer.from(head('', 'Do {{text}} \xed\xa0\xbd.'), 'latin1') },
    ['a.md:1: is not UTF-8'],
  ],
  ['a wrong name', { 'a.md': head('name: "a b"\n') }, ['a.md:3: name']],
  ['a list', { 'a.md': '---\n- a\n---\nDo.' }, ['a.md:']],
  ['no prompt', { 'a.md': head('', '# System\nYou.') }, ['has no prompt']],
  [
    'two system prompts',
    { 'a.md': head('', '# System\na\n# Prompt\nb\n# System\nc') },
    ['a.md:8: has a second part headed # System'],
  ],
  [
    'a place that is no field',
    { 'a.md': head('fields: [txt]\n') },
    ['a.md:3: fields: the place {{text}} is not one of the fields (did you mean "txt"?)'],
  ],
  [
    'a field without a place',
    { 'a.md': head('fields: [text, more]\n') },
    ['"more" has no place in the prompt'],
  ],
  [
    'a schema that is not there',
    { 'a.md': head('output_schema: none.json\n') },
    ['a.md:3: output_schema: names "none.json", which cannot be read'],
  ],
  [
    'a schema that is no JSON',
    { 'a.md': head('output_schema: s.json\n'), 's.json': '{' },
    ['which does not hold JSON'],
  ],
  [
    'a schema that is none',
    { 'a.md': head('output_schema: s.json\n'), 's.json': '[]' },
    ['is not an object'],
  ],
  [
    'one name twice',
    { 'a.md': head('name: x\n'), 'b.md': head('name: x\n') },
    ['b.md:1: name: is called "x", as a.md is'],
  ],
  ['several at once', { 'a.md': 'x', 'b.md': head('tier: 1\n') }, ['a.md:1', 'b.md:3']],
];

describe('files that are no task types are refused with their line', () => {
  it.each(broken)('%s', async (_what, files, says) => {
    const refused = withTemplates(files).then(
      () => 'it started',
      (error: Error & { problems?: { item?: string; field?: string; problem: string; valid?: string }[] }) =>
        (error.problems ?? [])
          .map(
            ({ item, field, problem, valid }) =>
              `${[item, field, problem].filter(Boolean).join(': ')}. Valid: ${valid}`,
          )
          .join('\n'),
    );
    for (const part of says) expect(await refused).toContain(part);
  });

  it('and so is a folder that is none', async () => {
    await expect(startServer({ argv: ['--templates', '/nowhere/at/all'] })).rejects.toThrow(
      /There is no folder/,
    );
  });
});
