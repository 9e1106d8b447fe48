import { readdir, readFile, utimes, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import path from 'node:path';
import { expect, test } from 'vitest';
import { ids, prompts, startApi } from '../../api.ts';
import { succeeded } from '../../api-server.ts';
import { type Reply, temporaryFolder } from '../../harness.ts';
import { callOf, type HttpTestServer, newUser, startHttpServer, type User } from './http-harness.ts';

const ana = newUser('ana');
const bea = newUser('bea');
const reader = newUser('reader', 'batch:read');
const users = [ana, bea, reader];
const auth = (user: User) => ({ authorization: `Bearer ${user.token}` });

const put = (
  server: HttpTestServer,
  user: User,
  name: string,
  body: string,
  headers: Record<string, string> = {},
) => server.send({ method: 'PUT', path: `/files/${name}`, headers: { ...auth(user), ...headers }, body });

async function call(server: HttpTestServer, user: User, name: string, args: object = {}): Promise<Reply> {
  return (await server.post(callOf(name, args), user)).json.result;
}

async function ok(server: HttpTestServer, user: User, name: string, args: object = {}): Promise<Reply> {
  const result = await call(server, user, name, args);
  expect(result.isError, JSON.stringify(result)).not.toBe(true);
  return result.structuredContent;
}

const rows = `id,text\n${ids(5)
  .map((id) => `${id},The text of ${id}`)
  .join('\n')}\n`;

/** Waits until a batch's files are there, and gives their addresses. */
async function linksOf(server: HttpTestServer, batch_id: string): Promise<string[]> {
  let links: string[] = [];
  await expect
    .poll(async () => {
      links = (await ok(server, ana, 'batch_status', { batch_id, wait_seconds: 5 })).output_files;
      return links.length;
    })
    .toBeGreaterThan(0);
  return links;
}

const pathOf = (link: string) => link.replace(/^https?:\/\/[^/]+/, '');

test('work comes as an upload and leaves by a link, on whichever replica', async () => {
  const first = await startHttpServer({ users });
  const second = await startHttpServer({ users, folder: first.folder });
  expect(await put(first, ana, 'rows.csv', rows)).toMatchObject({
    status: 201,
    json: { name: 'upload:rows.csv', bytes: rows.length, expires_at: expect.any(String) },
  });
  await put(first, ana, 'labels.txt', 'good\nbad\n');
  const work = {
    rows_file: 'upload:rows.csv',
    id_column: 'id',
    prompt: 'Judge {{text}}',
    labels: 'upload:labels.txt',
  };
  const { work_id, request_count } = await ok(second, ana, 'estimate_cost', work);
  expect(request_count).toBe(5);
  const { batch_id } = await ok(second, ana, 'submit_batch', { work_id, output_file: 'judged.csv' });
  const [link = ''] = await linksOf(second, batch_id);
  expect(link).toMatch(
    new RegExp(`^${second.url}/results/${batch_id}/judged\\.csv\\?user=ana&expires=\\d+&signature=`),
  );
  const file = await first.send({ path: pathOf(link) });
  expect(file).toMatchObject({ status: 200, headers: { 'content-type': 'text/csv; charset=utf-8' } });
  expect(file.headers['content-disposition']).toBe('attachment; filename="judged.csv"');
  expect(file.text.split('\n')[0]).toContain('text');
  expect(file.text).toContain('The text of t003');
  const filtered = { batch_id, task_ids: ['t001'], output_file: 'one.jsonl' };
  const { output_files } = await ok(first, ana, 'get_results', filtered);
  const one = output_files.find((each: string) => each.includes('/one.jsonl'));
  expect((await second.send({ path: pathOf(one) })).text.trim().split('\n')).toHaveLength(1);
  const files = await ok(first, ana, 'submit_batch', {
    input_files: ['upload:*.txt', '!upload:rows*'],
    prompt: '{{text}}',
  });
  expect(files.request_count).toBe(1);
  const listed = await first.send({ path: '/files', headers: auth(ana) });
  expect(listed.json.files.map(({ name }: Reply) => name)).toEqual(['upload:labels.txt', 'upload:rows.csv']);
  expect(await first.send({ method: 'DELETE', path: '/files/rows.csv', headers: auth(ana) })).toMatchObject({
    status: 204,
  });
  const gone = await call(second, ana, 'estimate_cost', work);
  expect(gone.content[0].text).toMatch(/^not_found: There is no "upload:rows.csv" of yours/);
  expect(gone.content[0].text).not.toContain(first.folder);
});

const names = [
  '..',
  '../bea',
  '..%2fbea',
  '%2e%2e%2fbea',
  '.hidden',
  'a%00b',
  'a%2fb',
  'a/b',
  'a//b',
  'a%5cb',
  'a b',
  'a%20b',
  '-rf',
  '',
  'x'.repeat(129),
  '%E4.csv',
  'a;b',
  'a\\b',
];

test('an upload has a plain name, is its user’s own, and keeps within bounds', async () => {
  const env = { BATCH_MCP_UPLOAD_MB: '0.001' };
  const server = await startHttpServer({ users, env, limits: { uploads: 3, uploadSilenceMs: 100 } });
  for (const name of names) {
    const answer = await put(server, ana, name.replaceAll(' ', '%20'), 'x');
    expect([400, 404], `${name} ${answer.status}`).toContain(answer.status);
  }
  const uploads = path.join(server.folder, 'data', 'uploads');
  expect(await readdir(uploads).catch(() => [])).toEqual([]);
  expect((await put(server, reader, 'a.txt', 'x')).status).toBe(403);
  expect((await server.send({ method: 'PUT', path: '/files/a.txt', body: 'x' })).status).toBe(401);
  expect(
    (await server.send({ method: 'POST', path: '/files/a.txt', headers: auth(ana), body: 'x' })).status,
  ).toBe(405);
  expect((await server.send({ method: 'GET', path: '/files/a.txt', headers: auth(ana) })).status).toBe(405);
  expect((await put(server, ana, 'large.txt', 'x'.repeat(1_001))).status).toBe(413);
  const chunked = { 'transfer-encoding': 'chunked' };
  expect((await put(server, ana, 'large.txt', 'x'.repeat(1_001), chunked)).status).toBe(413);
  expect((await put(server, ana, 'a.jsonl', JSON.stringify({ task_id: 'a', prompt: 'Hello.' }))).status).toBe(
    201,
  );
  const theirs = await call(server, bea, 'submit_batch', { requests_file: 'upload:a.jsonl' });
  expect(theirs.content[0].text).toMatch(/^not_found: There is no "upload:a.jsonl" of yours/);
  expect((await server.send({ path: '/files', headers: auth(bea) })).json).toEqual({ files: [] });
  expect((await server.send({ method: 'DELETE', path: '/files/a.jsonl', headers: auth(bea) })).status).toBe(
    404,
  );
  for (const name of ['b.txt', 'c.txt']) expect((await put(server, ana, name, 'x')).status).toBe(201);
  expect(await put(server, ana, 'd.txt', 'x')).toMatchObject({
    status: 409,
    json: { error: 'too_many_files' },
  });
  expect((await put(server, ana, 'c.txt', 'again')).status).toBe(201);
  expect((await put(server, bea, 'd.txt', 'x')).status).toBe(201);
  await ok(server, ana, 'submit_batch', { requests_file: 'upload:a.jsonl' });
});

test('uploads of a user keep within bounds together, however they come', async () => {
  const server = await startHttpServer({ users, limits: { uploadBytesEach: 100 } });
  const chunked = { 'transfer-encoding': 'chunked' };
  expect((await put(server, ana, 'a.txt', 'x'.repeat(60))).status).toBe(201);
  for (const headers of [{}, chunked])
    expect(await put(server, ana, 'b.txt', 'x'.repeat(41), headers)).toMatchObject({
      status: 413,
      json: { error: 'too_much', message: expect.stringContaining('DELETE') },
    });
  // One of the same name gives way, and so counts no more.
  expect((await put(server, ana, 'a.txt', 'x'.repeat(100))).status).toBe(201);
  expect((await put(server, bea, 'b.txt', 'x'.repeat(100))).status).toBe(201);
  const { json } = await server.send({ path: '/files', headers: auth(ana) });
  expect(json.files).toMatchObject([{ name: 'upload:a.txt', bytes: 100 }]);
});

test('an upload that the disk refuses is none of its sender’s fault, and the log says why', async () => {
  const folder = await temporaryFolder();
  const uploads = path.join(folder, 'a-file');
  await writeFile(uploads, '');
  const server = await startHttpServer({ users, env: { BATCH_MCP_UPLOADS_DIR: uploads } });
  expect(await put(server, ana, 'a.txt', 'x')).toMatchObject({ status: 507, json: { error: 'no_room' } });
  expect(server.log()).toMatch(/error Could not keep an upload: /);
});

test('an upload that stops in the middle is given up, and nothing of it is left', async () => {
  const server = await startHttpServer({ users, limits: { uploadSilenceMs: 100 } });
  const socket = connect({ host: '127.0.0.1', port: Number(new URL(server.url).port) });
  const heard = new Promise<string>((resolve) => {
    let all = '';
    socket.on('data', (piece) => (all += String(piece)));
    socket.on('error', () => {});
    socket.on('close', () => resolve(all));
  });
  const { authorization } = auth(ana);
  socket.write(
    `PUT /files/slow.csv HTTP/1.1\r\nHost: localhost\r\nAuthorization: ${authorization}\r\nContent-Length: 100\r\n\r\nid,`,
  );
  expect(await heard).toMatch(/^HTTP\/1.1 408[\s\S]*too_slow/);
  const [own = ''] = await readdir(path.join(server.folder, 'data', 'uploads'));
  expect(await readdir(path.join(server.folder, 'data', 'uploads', own))).toEqual([]);
});

test('what is old is swept', async () => {
  const first = await startHttpServer({ users });
  await put(first, ana, 'old.csv', rows);
  await put(first, ana, 'new.csv', rows);
  const uploads = path.join(first.folder, 'data', 'uploads');
  const [own = ''] = await readdir(uploads);
  const yesterday = new Date(Date.now() - 25 * 3600 * 1000);
  await utimes(path.join(uploads, own, 'old.csv'), yesterday, yesterday);
  await startHttpServer({ users, folder: first.folder });
  await expect.poll(() => readdir(path.join(uploads, own))).toEqual(['new.csv']);
});

const others = [
  'upload:../x',
  'upload:/etc/passwd',
  'upload:.begun-1',
  'upload:a/b',
  'upload:',
  'rows.csv',
  '/etc/passwd',
  '~/x.csv',
  'file:///etc/passwd',
  'UPLOAD:a.csv',
  ' upload:a.csv',
  'upload:a\0.csv',
];

test('nothing but an upload can be named for reading, and a plain name for writing', async () => {
  const server = await startHttpServer({ users });
  for (const rows_file of others) {
    const refused = await call(server, ana, 'estimate_cost', { rows_file, prompt: '{{a}}' });
    expect(refused.content[0].text, rows_file).toMatch(
      /^not_allowed: Files cannot be named over HTTP[\s\S]*PUT \/files/,
    );
  }
  for (const output_file of ['../x.csv', '/tmp/x.csv', 'a/b.csv', '.x.csv', 'result:x.csv', 'upload:x.csv']) {
    const refused = await call(server, ana, 'submit_batch', { requests: ['Hello.'], output_file });
    expect(refused.content[0].text, output_file).toMatch(/^not_allowed: Files cannot be named over HTTP/);
  }
  const named = await call(server, ana, 'submit_batch', {
    requests: ['Hello.'],
    output_file: 'package.json',
  });
  expect(named.content[0].text).toMatch(/^not_allowed/);
});

test('a link counts for one user, one file and a while', async () => {
  const server = await startHttpServer({ users });
  const { batch_id } = await ok(server, ana, 'submit_batch', {
    requests: prompts(ids(3)),
    output_file: 'a.jsonl',
  });
  const [link = ''] = await linksOf(server, batch_id);
  const own = pathOf(link);
  expect((await server.send({ path: own })).status).toBe(200);
  expect(await server.send({ path: own, method: 'HEAD' })).toMatchObject({ status: 200, text: '' });
  const changed = [
    own.replace('a.jsonl', 'b.jsonl'),
    own.replace('a.jsonl', 'a.raw.jsonl'),
    own.replace('a.jsonl', '..%2fa.jsonl'),
    own.replace(batch_id, 'batch_01J00000000000000000000000'),
    own.replace('user=ana', 'user=bea'),
    own.replace(/expires=\d+/, (given) => `${given}0`),
    own.replace(/signature=.*/, 'signature='),
    own.replace(/signature=.*/, ''),
    own.replace(/signature=(.)/, (_, first) => `signature=${first === 'A' ? 'B' : 'A'}`),
    own.split('?')[0] ?? '',
    '/results/',
  ];
  for (const path of changed) expect((await server.send({ path })).status, path).toBe(403);
  expect((await server.send({ path: own, method: 'POST' })).status).toBe(405);
  expect((await server.send({ path: own, headers: { host: 'evil.example' } })).status).toBe(421);
  const short = await startHttpServer({ users, folder: server.folder, limits: { linkMs: -1 } });
  const [old = ''] = await linksOf(short, batch_id);
  expect(await server.send({ path: pathOf(old) })).toMatchObject({ status: 410 });
  // The same answers, whoever makes them, and no file of it on the disk.
  expect(await readdir(path.join(server.folder, 'work'))).toEqual([]);
  expect(await readFile(path.join(server.folder, 'data', 'audit.jsonl'), 'utf8')).not.toContain('signature');
});

test('what is too long for a reply has an address, for its user alone', async () => {
  const long = 'é"'.repeat(9_000);
  const content = [{ type: 'tool_use', id: 'toolu_1', name: 'note', input: { all: long } }];
  const api = await startApi({
    endsAtOnce: true,
    results: (requests) =>
      requests.map((request) =>
        request.custom_id === 't001'
          ? succeeded(request, long)
          : succeeded(request, '', { content, stop_reason: 'tool_use' }),
      ),
  });
  const server = await startHttpServer({ users, api });
  const { batch_id } = await ok(server, ana, 'submit_batch', { requests: prompts(ids(2)) });
  await expect
    .poll(async () => (await ok(server, ana, 'batch_status', { batch_id })).results_state)
    .toBe('saved');
  const { results } = await ok(server, ana, 'get_results', { batch_id, limit: 1 });
  const path = pathOf(results[0].cut.file);
  const answer = await server.send({ path });
  expect(answer).toMatchObject({ status: 200, text: long });
  expect(answer.headers).toMatchObject({
    'content-type': 'text/plain; charset=utf-8',
    'content-disposition': 'attachment; filename="000000.txt"',
  });
  expect(await server.send({ path, method: 'HEAD' })).toMatchObject({ status: 200, text: '' });
  const second = await ok(server, ana, 'get_results', { batch_id, task_ids: ['t002'] });
  const json = await server.send({ path: pathOf(second.results[0].cut.file) });
  expect(json.headers['content-type']).toBe('application/json');
  expect(json.json).toMatchObject([{ name: 'note', input: { all: long } }]);
  for (const changed of [
    path.replace('000000', '000001'),
    path.replace('.txt', '.json'),
    path.replace('answers/', 'answers/../'),
    path.replace('user=ana', 'user=bea'),
  ])
    expect((await server.send({ path: changed })).status, changed).toBe(403);
  expect(await readdir(server.folder)).not.toContain('answers');
});
