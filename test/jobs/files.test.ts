import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import { succeeded } from '../api-server.ts';
import { long } from '../long.ts';
import { filesOf, play, readTable, setUp, wholeJob } from './play.ts';

// The jobs that people have with many files.

const PNG = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64',
);
const pdf = (title: string) => Buffer.from(`%PDF-1.7\n1 0 obj\n<< /Type /Page /Title (${title}) >>\n%%EOF`);

test('2: a unit test beside each source file', async () => {
  const { server } = await setUp(
    filesOf(60, (index) => [`src/m${index % 6}/f${index}.ts`, `export const n = ${index};\n`]),
    (request, index) =>
      index === 5
        ? succeeded(request, '```ts\nhalf', { stop_reason: 'max_tokens' })
        : `\`\`\`ts\ntest('n', () => {});\n\`\`\`\n`,
  );
  await play('2 unit tests', server, async (agent) => {
    const work = { input_files: ['src/**/*.ts', '!**/*.test.ts'], task_type: 'generate_tests' };
    await wholeJob(agent, work, { output_pattern: '{{dir}}/{{stem}}.test.ts' });
  });
  const made = (await readdir(server.work, { recursive: true })).filter((name) => name.endsWith('.test.ts'));
  expect(made).toHaveLength(59);
  const text = await readFile(path.join(server.work, 'src/m0/f0.test.ts'), 'utf8');
  expect(text.trim()).toBe("test('n', () => {});");
});

test('4: PDFs are summarised', long, async () => {
  const { server, api } = await setUp(
    filesOf(100, (index) => [`reports/${index % 20}/r${index}.pdf`, pdf(`Report ${index}`)]),
    (_request, index) => `Summary ${index}`,
  );
  await play('4 PDFs', server, async (agent) => {
    const work = { input_files: ['reports/**/*.pdf'], prompt: 'Summarise this report.' };
    const summary = await wholeJob(agent, work, { output_file: 'summaries.csv' });
    expect(summary.totals.succeeded).toBe(100);
  });
  expect(JSON.stringify(api.creates[0]?.requests[0])).toContain('application/pdf');
  const rows = await readTable(server, 'summaries.csv');
  expect(rows.map(({ task_id }) => task_id)).toContain('reports/3/r3.pdf');
});

test('10: a page of docs for each file of a repository', long, async () => {
  const { server } = await setUp(
    {
      ...filesOf(40, (index) => [`repo/lib/f${index}.py`, `x = ${index}\n`]),
      'repo/.gitignore': 'build/\n',
      'repo/build/out.py': 'x = 1\n',
      'repo/lib/blob.py': Buffer.from([0, 1, 2, 255]),
      'repo/.env': 'KEY=1',
    },
    (_request, index) => `# Page ${index}\n\nText.`,
  );
  await play('10 docs', server, async (agent) => {
    const work = { input_files: ['repo/**'], task_type: 'generate_docs' };
    const summary = await wholeJob(agent, work, { output_pattern: 'docs/{{path}}.md' });
    expect(summary.totals.total).toBe(40);
  });
  expect(await readdir(path.join(server.work, 'docs/repo/lib'))).toHaveLength(40);
});

test('12: feedback on essays, a file each, and a table of grades', long, async () => {
  const { server, api } = await setUp(
    {
      'rubric.md': 'Thesis 5 points, evidence 5 points.\n',
      ...filesOf(32, (index) => [`essays/student_${index}.txt`, `Essay ${index}. `.repeat(50)]),
    },
    (_request, index) => JSON.stringify({ grade: 1 + (index % 6), feedback: `Well done, ${index}.` }),
  );
  await play('12 essays', server, async (agent) => {
    const properties = { grade: { type: 'integer' }, feedback: { type: 'string' } };
    const output_schema = { type: 'object', properties, required: ['grade', 'feedback'] };
    const essays = { input_files: ['essays/*.txt'], context_files: ['rubric.md'] };
    const work = { ...essays, prompt: 'Grade this by the rubric: {{text}}', output_schema };
    const output_pattern = 'feedback/{{stem}}.md';
    await wholeJob(agent, work, { output_pattern, output_key: 'feedback', output_file: 'grades.csv' });
  });
  expect(JSON.stringify(api.creates[0]?.requests[31])).toMatch(/Thesis 5 points.*by the rubric: Essay/);
  const feedback = await readFile(path.join(server.work, 'feedback/student_0.md'), 'utf8');
  expect(feedback.trim()).toBe('Well done, 0.');
  const grades = await readTable(server, 'grades.csv');
  expect(grades).toHaveLength(32);
  expect(grades[0]).toMatchObject({ task_id: 'essays/student_0.txt', grade: '1' });
});

test('19: alt texts for images, whatever they are called', long, async () => {
  const { server, api } = await setUp(
    filesOf(100, (index) => [`photos/p${index}.${index % 5 === 0 ? 'jpg' : 'png'}`, PNG]),
    (_request, index) => `A photo, ${index}`,
  );
  await play('19 images', server, async (agent) => {
    const work = { input_files: ['photos/*'], prompt: 'An alt text, one sentence.', model_tier: 'cheap' };
    const summary = await wholeJob(agent, work, { output_file: 'alt.csv' });
    expect(summary.totals.succeeded).toBe(100);
  });
  expect(JSON.stringify(api.creates)).not.toContain('image/jpeg');
  expect(await readTable(server, 'alt.csv')).toHaveLength(100);
});

test('2: a test beside each copy of a real package’s sources, code alone', long, async () => {
  const lib = path.resolve('node_modules/csv-stringify/lib');
  const names = (await readdir(lib, { recursive: true })).filter((name) => name.endsWith('.js'));
  expect(names.length).toBeGreaterThan(5);
  const copies = await Promise.all(
    names.map(async (name) => [`vendor/${name}`, await readFile(path.join(lib, name))] as const),
  );
  const code = 'assert.ok(true);\n';
  const said = [`\`\`\`js\n${code}\`\`\``, `Here it is:\n\n\`\`\`js\n${code}\`\`\`\n\nRun it.`, code];
  const { server } = await setUp(Object.fromEntries(copies), (_request, index) => said[index % 3] ?? code);
  await play('2 a real package', server, async (agent) => {
    const work = { input_files: ['vendor/**/*.js', '!**/*.test.js'], task_type: 'generate_tests' };
    await wholeJob(agent, work, { output_pattern: '{{dir}}/{{stem}}.test.js' });
  });
  for (const [name, source] of copies) {
    expect(await readFile(path.join(server.work, name))).toEqual(source);
    const made = await readFile(path.join(server.work, name.replace(/js$/, 'test.js')), 'utf8');
    expect(made).toBe(code);
  }
});

test('4 and 19: 300 images and 100 PDFs become one table', long, async () => {
  const { server, api } = await setUp(
    {
      ...filesOf(300, (index) => [`all/${index % 7}/p${index}.png`, PNG]),
      ...filesOf(100, (index) => [`all/${index % 7}/r${index}.pdf`, pdf(`Report ${index}`)]),
    },
    ({ params }) => JSON.stringify({ kind: JSON.stringify(params).includes('image/png') ? 'image' : 'pdf' }),
  );
  await play('300 images, 100 PDFs', server, async (agent) => {
    const output_schema = { type: 'object', properties: { kind: { type: 'string' } } };
    const work = { input_files: ['all'], prompt: 'What is this?', model_tier: 'cheap', output_schema };
    await wholeJob(agent, work, { output_file: 'all.csv' });
  });
  const rows = await readTable(server, 'all.csv');
  expect(rows.filter(({ kind, path: name = '' }) => kind === 'image' && name.endsWith('.png'))).toHaveLength(
    300,
  );
  expect(rows.filter(({ kind, path: name = '' }) => kind === 'pdf' && name.endsWith('.pdf'))).toHaveLength(
    100,
  );
  expect(api.creates.flatMap(({ requests }) => requests)).toHaveLength(400);
});
