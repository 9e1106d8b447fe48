import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, type GenerateKeyPairResult, generateKeyPair, type JWTPayload, SignJWT } from 'jose';
import { expect, onTestFinished, test } from 'vitest';
import {
  callOf,
  type HttpTestServer,
  headersFor,
  modernRequest,
  newUser,
  startHttpServer,
} from './http-harness.ts';

const URL_OF_SERVER = 'https://batches.example';
const now = () => Math.floor(Date.now() / 1000);

type Key = { kid: string | undefined; pair: GenerateKeyPairResult };

async function newKey(kid: string, alg = 'RS256'): Promise<Key> {
  return { kid, pair: await generateKeyPair(alg, { extractable: true }) };
}

/** An identity provider with its metadata and its keys, which can be changed. */
async function startProvider(keys: Key[]) {
  let asked = 0;
  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    response.setHeader('content-type', 'application/json');
    if (request.url === '/.well-known/openid-configuration') {
      response.end(JSON.stringify({ issuer, jwks_uri: `${issuer}/keys` }));
      return;
    }
    asked += 1;
    const published = keys.map(async ({ kid, pair }) => ({ ...(await exportJWK(pair.publicKey)), kid }));
    response.end(JSON.stringify({ keys: await Promise.all(published) }));
  };
  const server = createServer((request, response) => void answer(request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { issuer, keys, asked: () => asked };
}

type Provider = Awaited<ReturnType<typeof startProvider>>;

/** A token as the provider gives it to Ana, but for these claims. */
function tokenOf(
  { issuer }: Provider,
  { kid, pair }: Key,
  claims: Record<string, unknown> = {},
  alg = 'RS256',
): Promise<string> {
  const usual = {
    iss: issuer,
    aud: `${URL_OF_SERVER}/mcp`,
    sub: 'ana@idp',
    scope: 'openid batch:read batch:submit',
  };
  return new SignJWT({ ...usual, iat: now(), exp: now() + 600, ...claims } as JWTPayload)
    .setProtectedHeader({ alg, typ: 'at+jwt', ...(kid !== undefined && { kid }) })
    .sign(pair.privateKey);
}

function startFor({ issuer }: Provider): Promise<HttpTestServer> {
  return startHttpServer({ env: { BATCH_MCP_HTTP_URL: URL_OF_SERVER, BATCH_MCP_OAUTH_ISSUER: issuer } });
}

const list = callOf('list_batches');

function call(server: HttpTestServer, token: string, message: unknown = list) {
  const headers = { ...headersFor(message), authorization: `Bearer ${token}` };
  return server.send({ method: 'POST', path: '/mcp', headers, body: JSON.stringify(message) });
}

const base64 = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');

test('a token of the provider counts, and its subject is whose a batch is', async () => {
  const key = await newKey('one');
  const provider = await startProvider([key]);
  const server = await startFor(provider);
  const token = await tokenOf(provider, key);
  const submitted = await call(server, token, callOf('submit_batch', { requests: ['Hello.'] }));
  expect(submitted.json.result.structuredContent).toMatchObject({ duplicate: false });
  const other = await call(server, await tokenOf(provider, key, { sub: 'bea@idp' }));
  expect(other.json.result.structuredContent).toMatchObject({ batches: [] });
  const again = await call(server, await tokenOf(provider, key, { scp: ['batch:read'], scope: undefined }));
  expect(again.json.result.structuredContent.batches).toMatchObject([{ user: 'ana@idp' }]);
  expect(provider.asked()).toBe(1);
});

test('whatever is wrong with a token is refused, and says where to get one', async () => {
  const [key, stranger, elliptic] = [await newKey('one'), await newKey('one'), await newKey('two', 'ES256')];
  const provider = await startProvider([key, elliptic]);
  const server = await startFor(provider);
  const good = await tokenOf(provider, key);
  const [head = '', body = '', signature = ''] = good.split('.');
  const publicKey = JSON.stringify(await exportJWK(key.pair.publicKey));
  const byText = await new SignJWT({ iss: provider.issuer, aud: `${URL_OF_SERVER}/mcp`, sub: 'ana@idp' })
    .setProtectedHeader({ alg: 'HS256', kid: 'one' })
    .setExpirationTime('1h')
    .sign(new TextEncoder().encode(publicKey));
  const none = { alg: 'none', kid: 'one' };
  const claims = { iss: provider.issuer, aud: `${URL_OF_SERVER}/mcp`, sub: 'ana@idp', exp: now() + 600 };
  const refused: [string, string][] = [
    ['expired', await tokenOf(provider, key, { exp: now() - 120 })],
    ['without an end', await tokenOf(provider, key, { exp: undefined })],
    ['of tomorrow', await tokenOf(provider, key, { nbf: now() + 3600 })],
    ['for another audience', await tokenOf(provider, key, { aud: 'https://other.example/mcp' })],
    ['for an audience that begins as ours', await tokenOf(provider, key, { aud: `${URL_OF_SERVER}/mcp2` })],
    ['for nobody', await tokenOf(provider, key, { aud: undefined })],
    ['of another issuer', await tokenOf(provider, key, { iss: 'https://evil.example' })],
    ['of our issuer with a slash', await tokenOf(provider, key, { iss: `${provider.issuer}/` })],
    ['about nobody', await tokenOf(provider, key, { sub: undefined })],
    ['about an empty name', await tokenOf(provider, key, { sub: '' })],
    ['about a number', await tokenOf(provider, key, { sub: 123 })],
    ['about several', await tokenOf(provider, key, { sub: ['ana@idp'] })],
    ['about a very long name', await tokenOf(provider, key, { sub: 'a'.repeat(256) })],
    ['about a name that no text holds', await tokenOf(provider, key, { sub: 'ana\u0000' })],
    ['about a name of two lines', await tokenOf(provider, key, { sub: 'ana\nboss' })],
    ['about half a character', await tokenOf(provider, key, { sub: 'ana\ud800' })],
    ['for a list without us', await tokenOf(provider, key, { aud: ['https://other.example/mcp', ''] })],
    ['by another key of that name', await tokenOf(provider, stranger)],
    ['without a signature', `${head}.${body}.`],
    ['with the signature of another', `${head}.${base64({ ...claims, sub: 'boss' })}.${signature}`],
    ['by nothing (alg none)', `${base64(none)}.${base64(claims)}.`],
    ['by nothing, in other letters', `${base64({ ...none, alg: 'NoNe' })}.${base64(claims)}.`],
    ['by the public key as a secret', byText],
    ['in pieces', `${head}.${body}`],
    ['of no kind', 'a.b.c'],
  ];
  for (const [name, token] of refused) {
    const { status, headers, text } = await call(server, token);
    expect(status, name).toBe(401);
    expect(headers['www-authenticate'], name).toContain('error="invalid_token"');
    expect(headers['www-authenticate'], name).toContain(
      `resource_metadata="${URL_OF_SERVER}/.well-known/oauth-protected-resource/mcp"`,
    );
    expect(text, name).not.toContain(body);
  }
  const late = await tokenOf(provider, key, { exp: now() - 20, nbf: now() + 20 });
  expect((await call(server, late)).status).toBe(200);
  expect((await call(server, await tokenOf(provider, elliptic, {}, 'ES256'))).status).toBe(200);
});

test.for<[name: string, claims: Record<string, unknown>]>([
  [
    'Entra',
    {
      aud: [`${URL_OF_SERVER}/mcp`, '00000003-0000-0000-c000-000000000000'],
      scp: 'batch:read batch:submit',
      azp: 'app',
      roles: ['x'],
    },
  ],
  ['Okta', { scp: ['offline_access', 'batch:read'], scope: undefined, cid: 'app', uid: '00u1' }],
  ['Auth0', { sub: 'auth0|5f7c8ec7c33c6c004bbafe82', aud: [`${URL_OF_SERVER}/mcp`, 'https://idp/userinfo'] }],
  ['Keycloak', { typ: 'Bearer', realm_access: { roles: ['batch:admin'] }, sub: '1d2e-ä ö "x" <y> %00 😀' }],
  ['a directory with long names', { sub: `cn=${'a'.repeat(252)}` }],
  ['a clock that is behind', { nbf: now() + 30, iat: now() + 30 }],
])('a token as %s gives it counts, under one of two keys that it does not name', async ([, claims]) => {
  const keys = [await newKey('one'), await newKey('two')] as const;
  const provider = await startProvider([...keys]);
  const server = await startFor(provider);
  for (const { pair } of keys) {
    const token = await tokenOf(provider, { kid: undefined, pair }, claims);
    expect(await call(server, token)).toMatchObject({
      status: 200,
      json: { result: { structuredContent: { batches: [] } } },
    });
  }
  const stranger = await tokenOf(provider, { ...(await newKey('one')), kid: undefined }, claims);
  expect(await call(server, stranger)).toMatchObject({
    status: 401,
    text: expect.stringMatching('signature'),
  });
});

test('scopes are needed, and named where they are missing', async () => {
  const key = await newKey('one');
  const provider = await startProvider([key]);
  const server = await startFor(provider);
  const nothing = await tokenOf(provider, key, { scope: 'openid batch:readx' });
  const reads = await call(server, nothing);
  expect(reads.status).toBe(403);
  expect(reads.headers['www-authenticate']).toMatch(/error="insufficient_scope", scope="batch:read"/);
  expect((await call(server, nothing, modernRequest('tools/list'))).json.result.tools).toEqual([]);
  const cancels = await call(
    server,
    await tokenOf(provider, key),
    callOf('cancel_batch', { batch_id: 'last' }),
  );
  expect(cancels.status).toBe(403);
  // A client that asks for no more than is named here must not lose what it has.
  expect(cancels.headers['www-authenticate']).toContain('scope="batch:read batch:submit batch:cancel"');
  const admin = await tokenOf(provider, key, { scope: 'batch:admin' });
  expect((await call(server, admin, callOf('cancel_batch', { batch_id: 'last' }))).status).toBe(200);
});

test('keys that the provider changes are found', async () => {
  const [first, second] = [await newKey('one'), await newKey('two')];
  const provider = await startProvider([first]);
  const server = await startFor(provider);
  expect((await call(server, await tokenOf(provider, first))).status).toBe(200);
  provider.keys.splice(0, 1, second);
  const unknown = await call(server, await tokenOf(provider, second));
  // Keys are not asked for at every token that nobody knows.
  expect(unknown.status).toBe(401);
  const restarted = await startFor(provider);
  expect((await call(restarted, await tokenOf(provider, second))).status).toBe(200);
  expect((await call(restarted, await tokenOf(provider, first))).status).toBe(401);
});

test('anybody is told where to get a token, and of nothing else', async () => {
  const key = await newKey('one');
  const provider = await startProvider([key]);
  const server = await startFor(provider);
  for (const path of ['/.well-known/oauth-protected-resource', '/.well-known/oauth-protected-resource/mcp']) {
    expect((await server.send({ path })).json).toEqual({
      resource: `${URL_OF_SERVER}/mcp`,
      authorization_servers: [provider.issuer],
      scopes_supported: ['batch:read', 'batch:submit', 'batch:cancel'],
      bearer_methods_supported: ['header'],
      resource_name: 'batch-mcp',
    });
  }
  const unknown = await server.post(list);
  expect(unknown.status).toBe(401);
  expect(unknown.headers['www-authenticate']).toContain('resource_metadata=');
  expect(unknown.headers['www-authenticate']).toContain('scope="batch:read batch:submit batch:cancel"');
});

test('a provider that is away lets nobody in, and static tokens go on', async () => {
  const ana = newUser('ana');
  const key = await newKey('one');
  const gone = { issuer: 'http://127.0.0.1:9', keys: [], asked: () => 0 };
  const server = await startHttpServer({
    users: [ana],
    env: { BATCH_MCP_HTTP_URL: URL_OF_SERVER, BATCH_MCP_OAUTH_ISSUER: gone.issuer },
  });
  const away = await call(server, await tokenOf(gone, key));
  // A client that is told that its token is invalid throws it away.
  expect(away).toMatchObject({ status: 503, text: expect.stringContaining('cannot be checked now') });
  expect(away.headers).toMatchObject({ 'retry-after': '30' });
  expect(away.headers).not.toHaveProperty('www-authenticate');
  expect((await server.post(list, ana)).status).toBe(200);
});
