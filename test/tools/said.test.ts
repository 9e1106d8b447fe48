import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { startApi, startCheckedServer } from '../api.ts';
import { eachNth, eachNthOf } from '../long.ts';

const native = {
  custom_id: 'n',
  params: { model: 'claude-haiku-5-5', max_tokens: 9, messages: [{ role: 'user', content: 'Hi' }] },
};
/** As shells and programs write a place. */
const DOLLAR = '$';
const PNG = `iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJ${'A'.repeat(100)}`;

/** What is warned of, and the prompts that go out. */
async function submitted(args: object, files: Record<string, string> = {}) {
  const api = await startApi({ tokens: () => 10 });
  const server = await startCheckedServer({ api });
  for (const [name, content] of Object.entries(files)) await writeFile(path.join(server.work, name), content);
  const estimate = await server.ok('estimate_cost', args);
  const { warnings } = await server.ok('submit_batch', args);
  expect(estimate.warnings).toEqual(warnings);
  const prompts = api.creates[0]?.requests.map(
    ({ params }) => (params.messages as { content: unknown }[])[0]?.content,
  );
  return { said: warnings.join('\n'), prompts };
}

const one = (task: object, shared: object = {}) => ({ ...shared, requests: [{ task_id: 'a', ...task }] });
const rows = { rows_file: 'rows.csv' };

describe('places', () => {
  type Row = [what: string, args: object, prompt: string, said: RegExp | string | null];
  eachNth<Row>(9, [
    ['own prompt', one({ prompt: 'About {{x}}', input_data: { x: 'y' } }), 'About y', null],
    [
      'own prompt, shared input',
      one({ prompt: 'About {{ x }}' }, { input_data: { x: 'y' } }),
      'About y',
      null,
    ],
    ['own prompt, dots', one({ prompt: '{{o.k}}', input_data: { o: { k: 1.5 } } }), '1.5', null],
    [
      'own prompt, shared one beside',
      one({ prompt: '{{x}}', input_data: { x: 1 } }, { prompt: 'S' }),
      '1',
      /shared prompt/,
    ],
    [
      'unfilled in an own prompt',
      one({ prompt: 'Vue: {{user}}' }),
      'Vue: {{user}}',
      /place \{\{user\}\} in a task's own prompt/,
    ],
    ['one of two', one({ prompt: '{{x}} {{z}}', input_data: { x: 1 } }), '1 {{z}}', /place \{\{z\}\}/],
    [
      '{x} in an own prompt',
      one({ prompt: 'See {x}', input_data: { x: 'y' } }),
      'See {x}\n\n<x>\ny\n</x>',
      /did you mean \{\{x\}\}\?/,
    ],
    [
      `${DOLLAR}{x} in an own prompt`,
      one({ prompt: `See ${DOLLAR}{x}`, input_data: { x: 'y' } }),
      `See ${DOLLAR}{x}\n\n<x>\ny\n</x>`,
      /\$\{x\} .*did you mean \{\{x\}\}\?/,
    ],
    [
      '{x} in a shared prompt',
      one({ input_data: { x: 'y' } }, { prompt: 'See {x}' }),
      'See {x}\n\n<x>\ny\n</x>',
      /did you mean \{\{x\}\}\?/,
    ],
    [
      '{x} beside {{x}}',
      one({ input_data: { x: 'y' } }, { prompt: '{{x}} {x}' }),
      'y {x}',
      /did you mean \{\{x\}\}\?/,
    ],
    ...[
      '{ x }',
      '{X}',
      '{x:.2f}',
      '{x!r}',
      '#{x}',
      '{% x %}',
      '%x%',
      '%(x)s',
      '[[x]]',
      '<<x>>',
      '$x',
      '$(x)',
      '{{x}',
      '{x}}',
      '{{x',
      '{{ x and more',
      '\\{\\{x\\}\\}',
      '\\{x\\}',
      '｛｛x｝｝',
      '｛ x ｝',
      '{{}}',
      '{{ }}',
      '{0}',
      '%s',
    ].map(
      (place): Row => [
        `${place} in an own prompt`,
        one({ prompt: `See ${place}`, input_data: { x: 'y' } }),
        `See ${place}\n\n<x>\ny\n</x>`,
        `${place.replace(' and more', '')} in the prompt is sent unchanged: did you mean {{x}}?`,
      ],
    ),
    ...['{{}} and {{x}}', '{{x}} of 100%s'].map(
      (place): Row => [
        `${place}, of which one place is named`,
        one({ prompt: place, input_data: { x: 'y' } }),
        place.replace('{{x}}', 'y'),
        null,
      ],
    ),
    ...['{{}}', '%s', '{0}'].map(
      (place): Row => [
        `${place}, which might be either of two`,
        one({ prompt: place, input_data: { x: 'y', z: '1' } }),
        `${place}\n\n<x>\ny\n</x>\n\n<z>\n1\n</z>`,
        null,
      ],
    ),
    ...['{{{x}}}', '{{{ x }}}', '{"a":{{{x}}}}'].map(
      (place): Row => [
        `${place}, whose value keeps a brace on each side`,
        one({ prompt: `See ${place}`, input_data: { x: 'y' } }),
        `See ${place.replace(/\{\{ ?x ?\}\}/, 'y')}`,
        /\{\{\{ ?x ?\}\}\} in the prompt is sent as a value in braces, \{…\}: \{\{x\}\} is the value alone/,
      ],
    ),
    [
      'JSON that ends in three braces',
      one({ prompt: '{"a":{"b":{{x}}}}', input_data: { x: 1 } }),
      '{"a":{"b":1}}',
      null,
    ],
    [
      'three braces around no name of its own',
      one({ prompt: '{{{y}}} {{x}}', input_data: { x: 1, y: 2 } }),
      '{2} 1',
      /value in braces/,
    ],
    [
      '[name] with blanks, of another case',
      one({ prompt: '{{x}} [full name]', input_data: { x: 'y', 'Full Name': 'z' } }),
      'y [full name]',
      '[full name] in the prompt is sent unchanged: did you mean {{Full Name}}?',
    ],
    [
      '<x> where no tag of that name follows',
      one({ prompt: '{{z}} <x>', input_data: { x: 'y', z: 1 } }),
      '1 <x>',
      '<x> in the prompt is sent unchanged: did you mean {{x}}?',
    ],
    ['<x> that is a tag', one({ prompt: '<x>{{x}}</x>', input_data: { x: 'y' } }), '<x>y</x>', null],
    [
      '<x> that follows',
      one({ prompt: 'Read <x>', input_data: { x: 'y' } }),
      'Read <x>\n\n<x>\ny\n</x>',
      null,
    ],
    [
      'a name with braces in an own prompt',
      one({ prompt: 'See {{ a {x} }}', input_data: { 'a {x}': 'y' } }),
      'See {{ a {x} }}\n\n<a__x_>\ny\n</a__x_>',
      'the place {{a {x}}} is sent unchanged: a name with braces can fill none',
    ],
    ['a box to tick', one({ prompt: '- [x] {{x}}', input_data: { x: 'y' } }), '- [x] y', null],
    ['a share', one({ prompt: '5% x, 7% {{x}}', input_data: { x: 'y' } }), '5% x, 7% y', null],
    ...['{{X}}', '{{input_data.x}}', '{{ $.x }}', '{{row.x}}', '{{x | upper}}'].map(
      (place): Row => [
        `${place} in an own prompt`,
        one({ prompt: place, input_data: { x: 'y' } }),
        `${place}\n\n<x>\ny\n</x>`,
        'nothing to be filled with, and is sent unchanged: did you mean {{x}}?',
      ],
    ),
    ...['{{x}}', '{{other}}', '{x}', '%x%'].flatMap((place): Row[] => [
      [
        `${place} in a shared system`,
        one({ prompt: '{{x}}', input_data: { x: 'y' } }, { system: `Be ${place}` }),
        'y',
        `${place} in system is sent unchanged: places are filled only in prompts`,
      ],
      [
        `${place} in an own system`,
        one({ prompt: '{{x}}', system: `Be ${place}`, input_data: { x: 'y' } }),
        'y',
        `${place} in system is sent unchanged`,
      ],
    ]),
    [
      'a label',
      one({ prompt: '{{x}}', input_data: { x: 'y' } }, { labels: ['{{x}}', 'b'] }),
      'y',
      '{{x}} in labels is sent unchanged',
    ],
    [
      'an own schema',
      one({
        prompt: 'x',
        output_schema: { type: 'object', properties: { a: { type: 'string', description: 'of {{z}}' } } },
      }),
      'x',
      '{{z}} in output_schema is sent unchanged',
    ],
    [
      '{y} that nothing could fill',
      one({ prompt: 'f(x) {y}', input_data: { x: 1 } }),
      'f(x) {y}\n\n<x>\n1\n</x>',
      null,
    ],
    [
      'JSON in a prompt',
      one({ prompt: 'As {"x": 1}', input_data: { x: 1 } }),
      'As {"x": 1}\n\n<x>\n1\n</x>',
      null,
    ],
  ])('%s', async (_what, args, prompt, said) => {
    const found = await submitted(args);
    expect(found.prompts).toEqual([prompt]);
    if (said === null) expect(found.said).toBe('');
    else expect(found.said).toMatch(said);
    expect(found.said.split('\n')).toHaveLength(1);
  });

  eachNthOf(2, ['{text}', `${DOLLAR}{text}`])('%s in a prompt over rows', async (place) => {
    const { said } = await submitted(
      { ...rows, prompt: `Label ${place}` },
      { 'rows.csv': 'text,n\nhello,1\nbye,2\n' },
    );
    expect(said).toBe(`${place} in the prompt is sent unchanged: did you mean {{text}}?`);
  });
});

describe('a file that would be sent as text', () => {
  type FileRow = [what: string, args: object, said: string];
  eachNth<FileRow>(10, [
    [
      'base64',
      one({ prompt: 'alt text', input_data: { image: PNG } }),
      'input_data.image is the base64 of an image or PDF',
    ],
    [
      'a data URL',
      one({ prompt: 'x', input_data: { i: `data:image/jpeg;base64,${'A'.repeat(80)}` } }),
      'input_data.i is the base64',
    ],
    [
      'deep down',
      one({ prompt: 'x', input_data: { a: [{ b: `/9j/${'A'.repeat(80)}` }] } }),
      'input_data.a[0].b is the base64',
    ],
    [
      'a PDF',
      one({ task_type: 'generate_report', input_data: { data: `JVBERi0xLjQK${'A'.repeat(80)}` } }),
      'input_data.data is',
    ],
    [
      'a path',
      one({ prompt: 'x', input_data: { image: '/home/me/My photo.JPG' } }),
      'input_data.image names an image or PDF',
    ],
    [
      'a URL',
      one({ prompt: 'x', input_data: { image: 'https://example.com/a.png' } }),
      'input_data.image names an image',
    ],
    ['shared', one({ prompt: 'x' }, { input_data: { image: 'a.webp' } }), 'input_data.image names an image'],
    ...[
      'C:\\Users\\Me\\My long photo of the cat.jpg',
      '\\\\server\\share\\x.tif',
      'file:///home/a%20b/x.pdf',
      'https://example.com/a.png?w=200&h=3',
      'https://example.com/a.pdf#page=2',
      './a b c d e.avif',
      '~/pictures/logo.svg',
      '  scan.bmp\n',
    ].map(
      (name): FileRow => [name, one({ prompt: 'x', input_data: { i: name } }), 'input_data.i names an image'],
    ),
    ...['Qk1GAAAAAAAAADYA', 'SUkqAAgAAAA', 'AAAAIGZ0eXBoZWlj', 'UklGRiQA', ' iVBORw0KGgo'].map(
      (start): FileRow => [
        `base64 ${start}`,
        one({ prompt: 'x', input_data: { i: start + 'A'.repeat(100) } }),
        'input_data.i is the base64 of an image or PDF',
      ],
    ),
    ...['UEsDBBQABgAI', 'SUQzBAAA', 'H4sIAAAA'].map(
      (start): FileRow => [
        `base64 ${start}`,
        one({ prompt: 'x', input_data: { i: start + 'A'.repeat(100) } }),
        'input_data.i is the base64 of a file',
      ],
    ),
    [
      'a data URL in capitals',
      one({ prompt: 'x', input_data: { i: `DATA:IMAGE/PNG;BASE64,${'A'.repeat(80)}` } }),
      'input_data.i is the base64 of an image',
    ],
    [
      'a data URL of a sound',
      one({ prompt: 'x', input_data: { i: `data:audio/mp3;base64,${'A'.repeat(80)}` } }),
      'input_data.i is the base64 of a file',
    ],
    [
      'a data URL within a text',
      one({ prompt: 'x', input_data: { i: `See ![](data:image/png;base64,${PNG})` } }),
      'input_data.i holds the base64 of an image',
    ],
    [
      'a data URL in a prompt',
      one({ prompt: `See data:image/png;charset=x;base64,${PNG}` }),
      'prompt holds the base64 of an image',
    ],
    ['a path for a prompt', { requests: ['/home/me/photo.png'] }, 'prompt names an image'],
    [
      'a path in a prompt',
      one({ prompt: 'What does the picture in "/home/me/photo.png" show?' }),
      'prompt names',
    ],
    ...['/var/log/app.log', 'C:\\logs\\app.log', './report.docx', 'src/deep/app.ts', 'file:///a/b.md'].map(
      (name): FileRow => [
        `${name} alone`,
        one({ prompt: 'Sum up', input_data: { x: name, n: 1 } }),
        'input_data.x names a file, which is not opened',
      ],
    ),
  ])('%s', async (_what, args, said) => {
    expect((await submitted(args)).said).toContain(said);
  });

  it('in a column that is sent, and in no other', async () => {
    const file = { 'rows.csv': 'text,image\nhello,a.png\nbye,b.png\n' };
    expect((await submitted({ ...rows, prompt: '{{image}}' }, file)).said).toContain(
      'column.image names an image',
    );
    expect((await submitted({ ...rows, prompt: '{{text}}' }, file)).said).toBe('');
  });

  eachNth(3, [
    [
      'a log that ends with a name',
      { task_type: 'analyze_logs', input_data: { logs: 'GET failed for the file /a.png' } },
    ],
    ['a path beside its text', { prompt: 'x', input_data: { path: 'src/a.ts', code: 'let a = 1' } }],
    ['a name alone', { prompt: 'x', input_data: { name: 'report.docx' } }],
    ['a page', { prompt: 'Sum up https://example.com/a/b' }],
    ['a sentence', { prompt: 'x', input_data: { s: 'We met at 5 p.m. and/or later' } }],
    ['other base64', { prompt: 'x', input_data: { token: 'QUJD'.repeat(40) } }],
  ])('but not %s', async (_what, task) => {
    expect((await submitted(one(task))).said).toBe('');
  });
});

describe('shared settings that no task takes', () => {
  const schema = { type: 'object', properties: { a: { type: 'string' } } };
  eachNth<[setting: string, args: object]>(12, [
    ['prompt', { prompt: 'S', requests: [native] }],
    ['prompt', one({ prompt: 'own' }, { prompt: 'S' })],
    ['system', { system: 'S', requests: [native, { ...native, custom_id: 'm' }] }],
    ['system', one({ prompt: 'x', system: 'own' }, { system: 'S' })],
    ['output_schema', { output_schema: schema, requests: [native] }],
    ['output_schema', one({ prompt: 'x', output_schema: schema }, { output_schema: schema })],
    ['labels', { labels: ['a', 'b'], requests: [native] }],
    ['labels', one({ prompt: 'x', output_schema: schema }, { labels: ['a', 'b'] })],
    ['model', { model: 'claude-opus-5-5', requests: [native] }],
    ['model', one({ prompt: 'x', model_tier: 'cheap' }, { model: 'claude-opus-5-5' })],
    ['model_tier', { model_tier: 'cheap', requests: [native] }],
    ['effort', { effort: 'low', requests: [native] }],
    ['max_tokens', one({ prompt: 'x', max_tokens: 5 }, { max_tokens: 9 })],
    ['input_data', { input_data: { a: 1 }, requests: [native] }],
    ['task_type', { task_type: 'analyze_logs', requests: [native] }],
  ])('%s: %j', async (setting, args) => {
    const { said, prompts } = await submitted(args);
    expect(said).toContain(
      `The shared ${setting} is ${prompts?.length === 1 ? 'not used by the one task' : 'used by none of the 2 tasks'}`,
    );
  });

  const asRows = (args: object) => ({ rows_file: 'rows.csv', prompt: 'Label {{text}}', ...args });
  eachNth<[what: string, args: object]>(6, [
    ['rows', asRows({ input_data: { foo: 1 } })],
    ['a column of its name', asRows({ input_data: { text: 'x', foo: 1 }, prompt: '{{text}} {{foo}}' })],
    ['files', { input_files: ['rows.csv'], prompt: 'Sum up {{text}}', input_data: { foo: 1 } }],
    ['a merge', asRows({ merge: 2, prompt: '{{items}}', input_data: { foo: 1 } })],
    ['a pack', asRows({ pack: 2, output_schema: schema, input_data: { foo: 1 } })],
    [
      'variants',
      asRows({ variants: { A: { system: 'a' }, B: { prompt: 'So {{text}}' } }, input_data: { foo: 1 } }),
    ],
    ['tasks', { ...one({ prompt: '{{x}}', input_data: { x: 1 } }), input_data: { foo: 1 } }],
    [
      'tasks with a field of their own',
      { ...one({ input_data: { foo: 2 } }), prompt: 'S', input_data: { foo: 1 } },
    ],
  ])('a field of input_data, over %s', async (what, args) => {
    const { said } = await submitted(args, { 'rows.csv': 'text,n\nhello,1\nbye,2\n' });
    const field = what === 'a column of its name' ? 'text' : 'foo';
    expect(said).toMatch(
      new RegExp(
        `^The shared input_data\\.${field} is (used by none of the .* tasks|not used by the one task): no prompt has a place for it`,
      ),
    );
    expect(said.split('\n')).toHaveLength(1);
  });

  eachNth<[what: string, args: object]>(6, [
    ['a place', asRows({ input_data: { foo: 1 }, prompt: '{{text}} {{foo}}' })],
    ['a place within', asRows({ input_data: { foo: { a: 1 } }, prompt: '{{text}} {{foo.a}}' })],
    ['no place', asRows({ input_data: { foo: 1 }, prompt: 'Label' })],
    ['a task type', asRows({ input_data: { foo: 1 }, prompt: undefined, task_type: 'analyze_logs' })],
    [
      'one variant',
      asRows({ variants: { A: { system: 'a' }, B: { prompt: '{{foo}}' } }, input_data: { foo: 1 } }),
    ],
    ['an own prompt', { ...one({ prompt: '{{foo}}' }), input_data: { foo: 1 } }],
  ])('and not one that is taken by %s', async (_what, args) => {
    expect((await submitted(args, { 'rows.csv': 'text\nhello\nbye\n' })).said).toBe('');
  });

  it('and not those that one of them takes', async () => {
    const { said } = await submitted({
      system: 'S',
      effort: 'low',
      requests: [native, { task_id: 'b', prompt: 'x' }],
    });
    expect(said).toBe('');
  });
});
