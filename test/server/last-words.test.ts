import { expect } from 'vitest';
import { createDesk, start } from '../cli/run-binary.ts';
import { builtServer } from '../harness.ts';
import { eachNth } from '../long.ts';

const key = 'sk-ant-api03-planted_key-1';
const hook = 'token9of8the7hook6x';

/** Once the settings are read: both programs listen for their end then. */
const after = (fault: string) =>
  `--import=data:text/javascript,${encodeURIComponent(
    `const fail = async () => { ${fault} };
     process.on('newListener', (name) => { if (name === 'SIGTERM') setImmediate(fail); });`,
  )}`;

const server = { program: builtServer, args: [] };
const command = { args: ['list'] };
type Row = [what: string, by: { program?: string; args: string[] }, fault: string, expected: RegExp[]];

const rows: Row[] = [
  [
    'a server, an error with a cause',
    server,
    `throw new Error('first', { cause: new TypeError('second, with ' + process.env.ANTHROPIC_API_KEY) })`,
    [/Error: first\n {4}at /, /TypeError: second, with \[key\]\n/],
  ],
  [
    'a command, an error with fields',
    command,
    `throw Object.assign(new Error('first'), { address: process.env.BATCH_MCP_NOTIFY })`,
    [/Error: first\n {4}at /, /address: 'http:\/\/127\.0\.0\.1:9\/\[key\]'/],
  ],
  ['a server, what is no error', server, `throw { odd: 'thing' }`, [/odd: 'thing'/]],
  ['a server, null', server, 'throw null', [/null/]],
  ['a command, a text', command, `throw 'only words'`, [/only words/]],
];

eachNth(5, rows)(
  '%s ends it by code 1, with what is known of it and no secret',
  async (_what, by, fault, expected) => {
    const desk = await createDesk({
      NODE_OPTIONS: after(fault),
      ANTHROPIC_API_KEY: key,
      ANTHROPIC_BASE_URL: 'http://127.0.0.1:9',
      BATCH_MCP_NOTIFY: `http://127.0.0.1:9/${hook}`,
    });
    const { child, ended } = start({ ...desk, ...by }, by.args);
    const { code, stdout, stderr } = await ended;
    child.stdin.end();
    expect(code, stderr).toBe(1);
    for (const each of expected) expect(stderr).toMatch(each);
    expect(by === server ? stdout : '').toBe('');
    expect(stderr).not.toContain(key);
    expect(stderr).not.toContain(hook);
  },
);
