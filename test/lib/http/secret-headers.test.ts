import { describe, expect, it } from 'vitest';
import { secretsOfVariables } from '../../../src/lib/http/secret-headers.ts';
import { redact } from '../../../src/log.ts';

const part = 'q7Zx-part-nobody-guesses';
const basic = (user: string, password: string) => Buffer.from(`${user}:${password}`).toString('base64');
const lines = (...headers: string[]) => ({ ANTHROPIC_CUSTOM_HEADERS: headers.join('\n') });

describe('what is quoted back holds no part of a credential', () => {
  it.each<[what: string, variables: Record<string, string>, quoted: string]>([
    ['a key', { ANTHROPIC_API_KEY: part }, `key ${part}`],
    ['a key with a line break', { ANTHROPIC_API_KEY: `${part}\n` }, `key ${part}.`],
    ['a key with quotes, in HTML', { ANTHROPIC_API_KEY: `a"${part}'` }, `<b>a&quot;${part}'</b>`],
    ['a key with quotes, in numbers', { ANTHROPIC_API_KEY: `a"${part}'` }, `<b>a&#34;${part}&#39;</b>`],
    ['an identity token', { ANTHROPIC_IDENTITY_TOKEN: part }, part],
    ['the key of webhooks', { ANTHROPIC_WEBHOOK_SIGNING_KEY: part }, part],
    ['a token of a session', { AWS_SESSION_TOKEN: part }, part],
    ['a password of a database', { PGPASSWORD: part }, part],
    ['Bearer', lines(`Authorization: Bearer ${part}`), `no such token: ${part}`],
    ['Token', lines(`Authorization: Token ${part}`), `no such token: ${part}`],
    ['a scheme of its own', lines(`authorization: Acme-Gateway-Key-v2  ${part}`), `bad "${part}"`],
    ['a cookie', lines(`Cookie: lang=en; session=${part}; a=b`), `unknown session ${part}`],
    ['a parameter', lines(`Proxy-Authorization: Digest username="ada", response="${part}"`), part],
    ['Basic', lines(`Authorization: Basic ${basic('ada', part)}`), `wrong password ${part} of ada`],
    ['Basic as it is sent', lines(`Authorization: Basic ${basic('ada', part)}`), basic('ada', part)],
    ['a signature', lines(`X-Signature: ${part}`), part],
    ['a JWT', lines('X-Other: 1', `CF-Access-Jwt-Assertion: ${part}\r`), part],
    ['a session', lines(`X-Session-Id: ${part}`), part],
    ['a password', lines(`X-Passwd: ${part}`), part],
    ['a password of a proxy', { HTTPS_PROXY: `http://ada:${part}@p.example:1` }, part],
    ['an encoded one', { https_proxy: `http://ada:${part}%40%21@p.example:1` }, `${part}@!`],
    ['one without a scheme', { ALL_PROXY: `ada:${part}@p.example:1` }, part],
    ['a name alone', { HTTP_PROXY: `http://${part}@p.example:1` }, part],
    ['an empty password', { HTTP_PROXY: `http://${part}:@p.example:1` }, basic(part, '')],
    ['what a proxy is sent', { HTTP_PROXY: `http://ada:${part}@p.example:1` }, basic('ada', part)],
    ['an address', {}, `connect to http://ada:${part}@p.example:1 failed`],
    ['an address whose password holds an @', {}, `http://ada:a@${part}@p.example:1`],
  ])('%s', (_what, variables, quoted) => {
    const told = redact(quoted, secretsOfVariables(variables));
    expect(told).toContain('[key]');
    expect(told).not.toContain(part);
  });

  it.each([
    ['a workspace', { ANTHROPIC_WORKSPACE_ID: 'wrkspc_of-ada-and-bob' }, 'wrkspc_of-ada-and-bob'],
    ['an address', { ANTHROPIC_BASE_URL: 'https://gateway.example' }, 'https://gateway.example'],
    ['a plain header', lines('User-Agent: batch-mcp-of-ada/1.0'), 'batch-mcp-of-ada/1.0'],
    ["a proxy's host", { HTTPS_PROXY: 'http://a-proxy.example:3128' }, 'a-proxy.example:3128'],
    ['a file of a token', { ANTHROPIC_IDENTITY_TOKEN_FILE: '/run/secrets/token' }, '/run/secrets/token'],
  ])('and names %s', (_what, variables, quoted) => {
    expect(redact(quoted, secretsOfVariables(variables))).toBe(quoted);
  });
});
