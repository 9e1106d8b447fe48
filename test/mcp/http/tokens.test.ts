import { createHash } from 'node:crypto';
import { rename, rm, utimes, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../../harness.ts';
import { callOf, newUser, startHttpServer, tokensFile } from './http-harness.ts';

const hashOf = (token: string) => createHash('sha256').update(token).digest('hex');
const [a, b] = [hashOf('a'), hashOf('b')];

async function serverWith(text: string) {
  const file = path.join(await temporaryFolder(), 'tokens');
  await writeFile(file, text);
  return startHttpServer({ env: { BATCH_MCP_HTTP_TOKENS: file } });
}

test.each([
  ['one line of a Windows editor', `\uFEFFana: ${a.toUpperCase()} batch:read\r\n`],
  ['tabs, commas and blanks around', `  ana:\t${a}\tbatch:read,batch:submit \n`],
  ['several tokens of one user', `ana: ${a} batch:read\nana: ${b} batch:submit`],
])('a file of tokens may have %s', async (_what, text) => {
  const server = await serverWith(text);
  const known = { token: 'a', name: 'ana', scopes: '' };
  expect(await server.post(callOf('list_batches'), known)).toMatchObject({ status: 200 });
});

test.each([
  ['the same token of two users', `ana: ${a} batch:read\n# Bea\nbea: ${a} batch:admin`, /line 1/],
  ['the same line twice', `ana: ${a} batch:read\nana: ${a} batch:read`, /has the token of line 1/],
  ['the hash of nothing', `ana: ${hashOf('')} batch:read`, /empty token/],
  ['a token in place of its hash', 'ana: secret-secret-secret batch:read', /is not a user/],
  ['a line of sha256sum', `${a}  -`, /is not a user/],
  ['a comment behind a line', `ana: ${a} batch:read # Ana`, /is not a scope/],
  ['nobody', '# nobody yet\n', /names nobody/],
])('a file of tokens with %s is refused, and no token quoted', async (_what, text, says) => {
  const refused = await serverWith(text).catch((error: unknown) => error);
  const told = `${String(refused)} ${JSON.stringify(refused)}`;
  expect(refused).toMatchObject({ code: 'invalid_input' });
  expect(told).toMatch(says);
  expect(told).not.toContain('secret');
});

test('a file that changes counts at once, however it changes', async () => {
  const [ana, bea] = [newUser('ana'), newUser('bea')];
  const server = await startHttpServer({ users: [ana] });
  const statuses = async () => {
    const answers = await Promise.all([ana, bea].map((user) => server.post(callOf('list_batches'), user)));
    return answers.map(({ status }) => status);
  };
  const time = new Date('2026-11-20T09:00:00.000Z');
  await utimes(server.tokens, time, time);
  expect(await statuses()).toEqual([200, 401]);
  // As long as the one before, in the same file, and as old.
  await writeFile(server.tokens, tokensFile([{ ...bea, name: 'ana' }]));
  await utimes(server.tokens, time, time);
  expect(await statuses()).toEqual([401, 200]);
  await rename(server.tokens, `${server.tokens}.old`);
  expect(await statuses()).toEqual([401, 401]);
  await writeFile(server.tokens, `no line of ours\n${tokensFile([ana, bea])}`);
  expect(await statuses()).toEqual([200, 200]);
  await rm(server.tokens);
  expect(await statuses()).toEqual([401, 401]);
  expect(server.log()).toMatch(/can't be read: nobody is let in/);
});
