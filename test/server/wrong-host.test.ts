import { createServer } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { startApi } from '../api.ts';
import { type ApiHandler, apiError, json } from '../api-server.ts';
import { type Reply, startServer } from '../harness.ts';
import { eachNth, eachNthOf } from '../long.ts';

const page: ApiHandler = (_request, response) =>
  response.writeHead(200, { 'content-type': 'text/html' }).end('<html><title>Log in</title></html>');
const status =
  (code: number, body = ''): ApiHandler =>
  (_request, response) =>
    response.writeHead(code, { 'content-type': 'application/json' }).end(body);
const openai = (message: string) =>
  JSON.stringify({ error: { message, type: 'invalid_request_error', param: null, code: null } });
const compressed =
  (encoding: string): ApiHandler =>
  (_request, response) =>
    response.writeHead(200, { 'content-encoding': encoding }).end('{"data":[]}');
const to =
  (code: number, location: string): ApiHandler =>
  (_request, response) =>
    response.writeHead(code, { location }).end();

eachNth<[string, ApiHandler, string]>(16, [
  ['a page to log in', page, 'a page'],
  ['nothing', status(200), 'a page or something else'],
  ['another list', status(200, '{"object":"list","data":[]}'), 'not a list of batches'],
  ['404 of a gateway', status(404, '{"detail":"Not Found"}'), '(404)'],
  ['404 in HTML', status(404, '<html>'), '(404)'],
  ['405', status(405), '(405)'],
  ['501', status(501, '{"error":{"message":"not supported"}}'), '(501: "not supported")'],
  ['403 of a firewall', status(403, '<title>blocked</title>'), '(403)'],
  ['400 of OpenAI', status(400, openai('Unknown parameter')), '(400: "Unknown parameter")'],
  ['404 of OpenAI', status(404, openai('Invalid URL')), '(404: "Invalid URL")'],
  ['403 of OpenAI', status(403, openai('No access')), '(403: "No access")'],
  ['400 of AWS', status(400, '{"__type":"ValidationException","message":"no"}'), '(400)'],
  ['400 of Google', status(400, '[{"error":{"code":400,"message":"no"}}]'), '(400)'],
  ['422 of FastAPI', status(422, '{"detail":[{"loc":["body"],"type":"missing"}]}'), '(422)'],
  ['400 in words', status(400, 'Bad Request'), '(400)'],
  ['418', status(418, 'teapot'), '(418)'],
  ['nothing at all', status(204), 'a page or something else'],
  ['a list', status(200, '[]'), 'not a list of batches'],
  ['a word', status(200, '"ok"'), 'not a list of batches'],
  ['JSON called gzip', compressed('gzip'), 'a body that is not compressed as its header says'],
  ['JSON called brotli', compressed('br'), 'a body that is not compressed as its header says'],
  ['a redirect to log in', to(302, 'https://login.example.com/secret?to=x'), '(302), to login.example.com'],
  ['a redirect to itself', to(301, '/v2/'), '(301), to 127.0.0.1'],
  ['a redirect to nowhere', to(307, ''), '(307)'],
])('a host that answers %s is an error that names the base URL; the work waits', async (_, answer, what) => {
  const api = await startApi();
  // What may have been a broken connection is asked for once more; a definite no is an answer.
  api.override('list', answer, { times: /^\((?:400|403|404|422)/.test(what) ? 1 : 2 });
  const server = await startServer({ api });
  const said = await server.fails('submit_batch', { requests: [{ task_id: 'a', prompt: 'Hi' }] });
  expect(said).toMatch(
    /^api_unreachable: Nothing was sent, and nothing is paid\. What answers at 127\.0\.0\.1:/,
  );
  expect(said).toContain(what);
  expect(said).toContain('Check ANTHROPIC_BASE_URL');
  expect(said).not.toContain('secret');
  expect(api.creates).toEqual([]);

  // Once it is right, the same work goes out under the same id.
  const [batch_id] = /batch_[0-9A-Z]{26}/.exec(said) ?? [];
  await server.ok('retry_batch', { batch_id });
  expect(api.creates).toHaveLength(1);
});

eachNth<[code: number]>(4, [[500], [502], [503], [504]])(
  '%i of a host is a failure that passes, and no wrong address',
  async (code) => {
    const api = await startApi();
    api.override('list', status(code, '<html>bad gateway</html>'));
    const server = await startServer({ api });
    const said = await server.fails('submit_batch', { requests: [{ task_id: 'a', prompt: 'Hi' }] });
    expect(said).toMatch(/^api_uncertain: Nothing was sent, and nothing is paid\. /);
    expect(said).toContain(`(${code}`);
    expect(said).toMatch(/waits as batch_\w+: once that is fixed, call retry_batch/);
    expect(said).not.toContain('ANTHROPIC_BASE_URL');
    expect(api.creates).toEqual([]);
  },
);

test('a host that speaks TLS where http was asked for is told as such', async () => {
  const host = createServer((socket) => socket.once('data', () => socket.end('\x15\x03\x03\0\x02\x02\x46')));
  onTestFinished(() => void host.close());
  await new Promise<void>((resolve) => host.listen(0, '127.0.0.1', resolve));
  const address = host.address();
  if (address === null || typeof address === 'string') throw new Error('no port to listen on');
  const server = await startServer({
    api: { url: `http://127.0.0.1:${address.port}`, key: 'sk-ant-test-key' },
  });
  const said = await server.fails('submit_batch', { requests: ['Hi'] });
  expect(said).toContain('what answers does not speak HTTP, as behind an https address');
});

eachNth<[string, ApiHandler, boolean]>(16, [
  ['400 of OpenAI', status(400, openai('Unknown parameter: requests')), true],
  ['401 of OpenAI', status(401, openai('Incorrect API key provided')), true],
  ['422 of FastAPI', status(422, '{"detail":[]}'), true],
  ['400 of Google', status(400, '[{"error":{"code":400}}]'), true],
  ['403 in HTML', status(403, '<html>'), true],
  ['400 of its own', json(400, apiError('invalid_request_error', 'requests: bad')), false],
  ['401 of its own', json(401, apiError('authentication_error', 'invalid')), false],
  ['404 of its own', json(404, apiError('not_found_error', 'model: claude-x')), false],
  ['413 of the edge', status(413, '<html>too large</html>'), false],
])('a create that is refused with %s: whether that names the base URL', async (_, answer, isElsewhere) => {
  const api = await startApi();
  api.override('create', answer);
  const server = await startServer({ api });
  const { text } = await server.call('submit_batch', { requests: [{ task_id: 'a', prompt: 'Hi' }] });
  expect(text.includes("not in the form of Anthropic's errors: check ANTHROPIC_BASE_URL")).toBe(isElsewhere);
});

eachNthOf(3, ['text/plain', 'application/octet-stream', ''])(
  'answers that are JSON, and called %j, are read',
  async (type) => {
    const api = await startApi({ tokens: () => 10, endsAtOnce: true });
    for (const route of ['list', 'create', 'retrieve', 'count'] as const) {
      api.override(route, renamed(type), { after: true });
    }
    const server = await startServer({ api });
    const { batch_id, cost_usd } = await server.ok('submit_batch', {
      requests: [{ task_id: 'a', prompt: 'Hi' }],
    });
    expect(cost_usd.basis).toBe('exact');
    const { results, warnings } = await server.ok('get_results', { batch_id });
    expect(results.map(({ text }: Reply) => text)).toEqual(['answer a']);
    expect(warnings).toEqual([]);
    expect(api.asked('create')).toBe(1);
  },
);

/** The route's own answer under another type of content. */
function renamed(type: string): ApiHandler {
  return (_request, response, pass) => {
    const writeHead = response.writeHead.bind(response);
    response.writeHead = (code: number) => writeHead(code, type === '' ? {} : { 'content-type': type });
    pass();
  };
}
