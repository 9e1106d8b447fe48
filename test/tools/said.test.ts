import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { startApi, startCheckedServer } from '../api.ts';

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
  it.each<[what: string, args: object, prompt: string, said: RegExp | null]>([
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
  });

  it.each(['{text}', `${DOLLAR}{text}`])('%s in a prompt over rows', async (place) => {
    const { said } = await submitted(
      { ...rows, prompt: `Label ${place}` },
      { 'rows.csv': 'text,n\nhello,1\nbye,2\n' },
    );
    expect(said).toBe(`${place} in the prompt is sent as it stands: did you mean {{text}}?`);
  });
});

describe('an image that would be sent as text', () => {
  it.each<[what: string, args: object, said: string]>([
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

  it.each([
    [
      'a log that ends with a name',
      { task_type: 'analyze_logs', input_data: { logs: 'GET failed for the file /a.png' } },
    ],
    ['other base64', { prompt: 'x', input_data: { token: 'QUJD'.repeat(40) } }],
  ])('but not %s', async (_what, task) => {
    expect((await submitted(one(task))).said).toBe('');
  });
});

describe('shared settings that no task takes', () => {
  const schema = { type: 'object', properties: { a: { type: 'string' } } };
  it.each<[setting: string, args: object]>([
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
      `The shared ${setting} is used by none of the ${prompts?.length === 1 ? 'one task' : '2 tasks'}`,
    );
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
