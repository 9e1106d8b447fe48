import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Config, readConfig } from '../../src/config/config.ts';
import type { Environment } from '../../src/config/read-settings.ts';
import { allSettings } from '../../src/config/settings.ts';
import { BatchError, renderError } from '../../src/errors.ts';
import { readSdkSettings } from '../../src/provider/anthropic/credentials.ts';
import { temporaryFolder } from '../harness.ts';

const cwd = '/home/ada/orders';
const home = '/home/ada';

function read(env: Environment = {}, argv: string[] = []): Config {
  return readConfig({ env, argv, cwd, home });
}

/** What is said of a configuration that can't be used. */
function refusal(env: Environment, argv: string[] = []): string {
  try {
    read(env, argv);
  } catch (error) {
    if (error instanceof BatchError) return renderError(error);
    throw error;
  }
  throw new Error('the configuration was taken');
}

it('needs nothing to be set', () => {
  expect(read()).toMatchObject({
    provider: 'anthropic',
    workDir: '/home/ada/batch-mcp',
    allowedDirs: [cwd, '/home/ada/batch-mcp'],
    baseDir: cwd,
    project: 'orders',
    maxCostUsd: 25,
    dailyBudgetUsd: 100,
    askAboveUsd: null,
    tierModels: {},
    pricesFile: undefined,
    settleSeconds: 30,
    sandboxSeconds: 2,
    readOnly: false,
    allowNetworkTools: false,
    logLevel: 'info',
    secrets: [],
  });
});

describe('the blobs of a team', () => {
  const keys = { AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE0000001', AWS_SECRET_ACCESS_KEY: 'a-secret-of-the-bucket' };
  const team = { BATCH_MCP_STORE: 'postgres://db/work', ...keys };
  const blobs = (text: string, more: Environment = {}) =>
    read({ ...team, ...more, BATCH_MCP_BLOBS: text }).blobs;

  it.each([
    ['s3://jobs?region=eu-west-1', {}, 's3://jobs', 'https://jobs.s3.eu-west-1.amazonaws.com/', ''],
    [
      's3://jobs/a/b/',
      { AWS_REGION: 'us-east-2' },
      's3://jobs/a/b',
      'https://jobs.s3.us-east-2.amazonaws.com/',
      'a/b/',
    ],
    [
      's3://a.dot/x',
      { AWS_REGION: 'us-east-2' },
      's3://a.dot/x',
      'https://s3.us-east-2.amazonaws.com/a.dot/',
      'x/',
    ],
    ['s3://jobs?endpoint=http://minio:9000/', {}, 's3://jobs', 'http://minio:9000/jobs/', ''],
    [
      's3://jobs',
      { AWS_ENDPOINT_URL: 'https://all', AWS_ENDPOINT_URL_S3: 'https://s3' },
      's3://jobs',
      'https://s3/jobs/',
      '',
    ],
    ['s3://jobs', { AWS_ENDPOINT_URL: 'https://all' }, 's3://jobs', 'https://all/jobs/', ''],
  ])('are in the bucket %s with %j', (text, more, place, address, prefix) => {
    expect(blobs(text, more)).toMatchObject({ kind: 's3', place, address, prefix });
  });

  it('are in a folder, or in the database where nothing is named', () => {
    expect(blobs('file:///mnt/batches/')).toEqual({
      kind: 'folder',
      path: '/mnt/batches',
      place: 'file:///mnt/batches',
    });
    expect(read(team).blobs).toBeNull();
  });

  it('keep their secrets', () => {
    const more = { AWS_SESSION_TOKEN: 'a-token-of-the-session' };
    const { secrets } = read({ ...team, ...more, BATCH_MCP_BLOBS: 's3://jobs?region=x' });
    expect(new Set(secrets)).toEqual(new Set([...Object.values(keys), more.AWS_SESSION_TOKEN]));
    expect(new Set(read(team).secrets)).toEqual(new Set(Object.values(keys)));
  });

  it.each([
    's3://',
    's3://UPPER',
    's3://a',
    's3://10.0.0.1/x',
    's3://key-id:hush-hush@jobs',
    's3://jobs:9000/x',
    's3://jobs/a//b',
    's3://jobs/a b',
    's3://jobs?regoin=x',
    's3://jobs?endpoint=minio:9000',
    's3://jobs?endpoint=https://ada:hush-hush@minio',
    's3://jobs?region=EU West',
    'https://jobs.s3.amazonaws.com',
    'file:///',
    'file://other-host/mnt',
    '/mnt/batches',
  ])('refuse %j, and quote none of it', (text) => {
    const said = refusal({ ...team, AWS_REGION: 'x', BATCH_MCP_BLOBS: text });
    expect(said).toContain('BATCH_MCP_BLOBS: what is given is not valid. Valid: s3://bucket/prefix');
    expect(said).not.toContain('hush-hush');
  });

  it('say what is missing', () => {
    const alone = refusal({ BATCH_MCP_STORE: 'postgres://db/work', BATCH_MCP_BLOBS: 's3://jobs' });
    for (const name of ['AWS_REGION', 'AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY'])
      expect(alone).toContain(`- ${name}: is not set`);
    expect(refusal({ BATCH_MCP_BLOBS: 'file:///mnt/x' })).toContain('is set without BATCH_MCP_STORE');
    const own = readConfig({
      env: { BATCH_MCP_BLOBS: 'file:///mnt/x' },
      argv: [],
      cwd,
      home,
      ownDatabase: true,
    });
    expect(own.blobs).toMatchObject({ kind: 'folder' });
  });
});

describe('the key of a bucket in a profile', () => {
  const files = async (credentials: string, config = '') => {
    const folder = await temporaryFolder();
    const env = {
      BATCH_MCP_STORE: 'postgres://db/work',
      BATCH_MCP_BLOBS: 's3://jobs',
      AWS_SHARED_CREDENTIALS_FILE: path.join(folder, 'credentials'),
      AWS_CONFIG_FILE: path.join(folder, 'config'),
    };
    await writeFile(env.AWS_SHARED_CREDENTIALS_FILE, credentials);
    await writeFile(env.AWS_CONFIG_FILE, config);
    return env;
  };
  const key = (name: string) => `aws_access_key_id = ID-${name}\naws_secret_access_key=hush-hush-${name}\n`;

  it.each([
    {
      name: 'by default',
      text: `[default]\n${key('a')}`,
      config: '[default]\nregion = eu-west-1\n',
      more: {},
      id: 'ID-a',
    },
    {
      name: 'that is named',
      text: `[default]\n${key('a')}[work]\r\n${key('b')}aws_session_token = t # of today\n`,
      config: '[default]\nregion=x-1\n[profile work]\ns3 =\n  region = nested-1\nregion = eu-west-1\n',
      more: { AWS_PROFILE: 'work' },
      id: 'ID-b',
    },
    {
      name: 'in the other file',
      text: '',
      config: `[profile "my work"]\n${key('c')}region=eu-west-1`,
      more: { AWS_PROFILE: 'my work' },
      id: 'ID-c',
    },
    {
      name: 'with a region of its own',
      text: `[default]\n${key('a')}`,
      config: '',
      more: { AWS_REGION: 'eu-west-1' },
      id: 'ID-a',
    },
    {
      name: 'that the variables go before',
      text: `[default]\n${key('a')}region = eu-west-2\n`,
      config: '',
      more: { AWS_ACCESS_KEY_ID: 'ID-v', AWS_SECRET_ACCESS_KEY: 'hush-hush-v', AWS_REGION: 'eu-west-1' },
      id: 'ID-v',
    },
  ])('$name', async ({ text, config, more, id }) => {
    const { blobs, secrets } = read({ ...(await files(text, config)), ...more });
    expect(blobs).toMatchObject({
      accessKeyId: id,
      secretAccessKey: `hush-hush-${id.slice(3)}`,
      region: 'eu-west-1',
    });
    expect(secrets).toContain(`hush-hush-${id.slice(3)}`);
  });

  it.each([
    ['has no key', `[work]\nregion = x`, {}],
    ['key comes from elsewhere: roles, SSO', `[work]\nsso_session = corp\n`, {}],
    [
      'key comes from elsewhere: roles, SSO',
      `[work]\nrole_arn = arn:aws:iam::1:role/x\nsource_profile = default\n[default]\n${key('a')}`,
      {},
    ],
    ['has no key', `[default]\n${key('a')}`, {}],
    ['is not a regular file', '', { AWS_CONFIG_FILE: '/' }],
  ])('is missed: %s', async (said, text, more) => {
    const refused = refusal({ ...(await files(text)), AWS_REGION: 'x-1', AWS_PROFILE: 'work', ...more });
    expect(refused).toContain(said);
    expect(refused).not.toContain('hush-hush');
  });
});

describe('the database of a team', () => {
  const place = (text: string) => read({ BATCH_MCP_STORE: text }).store?.place;

  it('is the data folder, where none is named', () => {
    expect(read().store).toBeNull();
  });

  it.each([
    ['postgres://ada:hush@db.example/work', 'postgres://db.example/work (schema batch_mcp)'],
    ['postgresql://ada:hush@db.example:5433/work', 'postgres://db.example:5433/work (schema batch_mcp)'],
    ['postgres://db.example/work?schema=jobs_2', 'postgres://db.example/work (schema jobs_2)'],
    ['postgres:///work?host=/run/postgresql', 'postgres:///work (schema batch_mcp)'],
    [
      'postgres://ada@db.example/work?password=hush&sslmode=require',
      'postgres://db.example/work (schema batch_mcp)',
    ],
  ])('is named without its user and password: %s', (text, expected) => {
    expect(place(text)).toBe(expected);
    expect(read({}, ['--store', text]).store).toEqual(read({ BATCH_MCP_STORE: text }).store);
  });

  it('has secrets that are kept out of what is written, as they are meant and as they are typed', () => {
    expect(read({ BATCH_MCP_STORE: 'postgres://ada:h%24sh@db/work' }).secrets).toEqual(['h$sh', 'h%24sh']);
    expect(read({ BATCH_MCP_STORE: 'postgres://ada@db/work?password=hush' }).secrets).toEqual(['hush']);
    expect(read({ BATCH_MCP_STORE: 'postgres://ada@db/work' }).secrets).toEqual([]);
  });

  it('leaves what is not ours to PostgreSQL', () => {
    const text = 'postgres://ada:hush@db/work?sslmode=require&schema=jobs';
    expect(read({ BATCH_MCP_STORE: text }).store?.url).toBe(
      'postgres://ada:hush@db/work?sslmode=verify-full',
    );
  });

  it.each([
    'hush',
    'mysql://ada:hush@db/work',
    'https://ada:hush@db/work',
    'postgres://ada:hush@db',
    'postgres://ada:hush@db/',
    'postgres://ada:hush@db/work/more',
    'postgres://ada:hush%ZZ@db/work',
    'postgres://ada:hush@db/work?schema=Jobs',
    'postgres://ada:hush@db/work?schema=pg_jobs',
    'postgres://ada:hush@db/work?schema=information_schema',
    'postgres://ada:hush@db/work?schema=a"b',
    'postgres://ada:hush@db/work?schema=',
    `postgres://ada:hush@db/work?schema=${'a'.repeat(64)}`,
    // In the data folder instead, the same work would be paid twice.
    // biome-ignore lint/suspicious/noTemplateCurlyInString: what clients leave unfilled
    'postgres://ada:hush@${DB_HOST}/work',
    'postgres://ada:$hush@db/work',
    '<hush>',
  ])('is refused without being quoted: %s', (text) => {
    for (const said of [refusal({ BATCH_MCP_STORE: text }), refusal({}, ['--store', text])]) {
      expect(said).toContain('BATCH_MCP_STORE');
      expect(said).not.toContain('hush');
    }
  });
});

describe('a setting', () => {
  const rows: [what: string, env: Environment, argv: string[], expected: Partial<Config>][] = [
    ['provider', { BATCH_MCP_PROVIDER: 'sandbox' }, ['--provider', 'sandbox'], { provider: 'sandbox' }],
    ['sandbox', { BATCH_MCP_PROVIDER: 'sandbox' }, ['--sandbox'], { provider: 'sandbox' }],
    ['data folder', { BATCH_MCP_DATA_DIR: '/data' }, ['--data-dir', '/data'], { dataDir: '/data' }],
    ['relative folder', { BATCH_MCP_DATA_DIR: 'data' }, ['--data-dir=data'], { dataDir: `${cwd}/data` }],
    [
      'folder at home',
      { BATCH_MCP_DATA_DIR: '~/data' },
      ['--data-dir', '~/data'],
      { dataDir: '/home/ada/data' },
    ],
    [
      'work folder',
      { BATCH_MCP_WORK_DIR: '/w' },
      ['--work-dir', '/w'],
      { workDir: '/w', allowedDirs: [cwd, '/w'] },
    ],
    ['cost limit', { BATCH_MCP_MAX_COST_USD: '0.5' }, ['--max-cost-usd', '0.5'], { maxCostUsd: 0.5 }],
    ['question', { BATCH_MCP_ASK_ABOVE_USD: '5' }, ['--ask-above-usd', '5'], { askAboveUsd: 5 }],
    ['no money', { BATCH_MCP_MAX_COST_USD: '0' }, ['--max-cost-usd', '0'], { maxCostUsd: 0 }],
    ['budget', { BATCH_MCP_DAILY_BUDGET_USD: '7' }, ['--daily-budget-usd', '7'], { dailyBudgetUsd: 7 }],
    ['read-only', { BATCH_MCP_READ_ONLY: 'Yes' }, ['--read-only'], { readOnly: true }],
    ['log level', { BATCH_MCP_LOG_LEVEL: 'debug' }, ['--log-level', 'debug'], { logLevel: 'debug' }],
  ];
  it.each(rows)('by variable and by flag: %s', (_, env, argv, expected) => {
    expect(read(env)).toMatchObject(expected);
    expect(read({}, argv)).toMatchObject(expected);
  });

  const variables: [string, string, Partial<Config>][] = [
    ['BATCH_MCP_MODEL_CHEAP', 'm', { tierModels: { cheap: 'm' } }],
    ['BATCH_MCP_MODEL_CAPABLE', 'm', { tierModels: { capable: 'm' } }],
    ['BATCH_MCP_MODEL_PREMIUM', 'm', { tierModels: { premium: 'm' } }],
    ['BATCH_MCP_PRICES', 'prices.json', { pricesFile: `${cwd}/prices.json` }],
    ['BATCH_MCP_SETTLE_SECONDS', '5', { settleSeconds: 5 }],
    ['BATCH_MCP_SANDBOX_SECONDS', '0.1', { sandboxSeconds: 0.1 }],
    ['BATCH_MCP_READ_ONLY', 'off', { readOnly: false }],
    ['BATCH_MCP_ALLOW_NETWORK_TOOLS', '1', { allowNetworkTools: true }],
    ['ANTHROPIC_API_KEY', 'sk-ant-1', { secrets: ['sk-ant-1'] }],
    ['ANTHROPIC_AUTH_TOKEN', 'token', { secrets: ['token'] }],
    [
      'ANTHROPIC_CUSTOM_HEADERS',
      'Authorization: Bearer t\nx-a: b\nx-Api-Key: k',
      { secrets: ['Bearer t', 'Bearer', 't', 'k'] },
    ],
    ['HTTPS_PROXY', 'http://ada:pass@p.example:1', { secrets: ['pass', 'YWRhOnBhc3M='] }],
    ['https_proxy', 'http://p.example:1', { secrets: [] }],
  ];
  it.each(variables)('%s=%s', (name, value, expected) => {
    expect(read({ [name]: value })).toMatchObject(expected);
  });

  it('by flag wins over its variable', () => {
    const env = { BATCH_MCP_PROVIDER: 'anthropic', BATCH_MCP_MAX_COST_USD: '1' };
    expect(read(env, ['--sandbox', '--max-cost-usd', '2'])).toMatchObject({
      provider: 'sandbox',
      maxCostUsd: 2,
    });
  });

  it.each(['', ' ', '\t\n', '""', "' '"])('counts as unset, and that is said, when it is %j', (value) => {
    for (const { variable } of allSettings) {
      expect(read({ [variable]: value })).toEqual({
        ...read(),
        notices: [`${variable} is empty: it counts as unset`],
      });
    }
    expect(read({ ANTHROPIC_API_KEY: value })).toMatchObject({
      secrets: [],
      notices: ['ANTHROPIC_API_KEY is empty: it counts as unset'],
    });
  });

  it.each([
    ['BATCH_MCP_READ_ONLY', 'true ', { readOnly: true }],
    ['BATCH_MCP_READ_ONLY', '\tON\r\n', { readOnly: true }],
    ['BATCH_MCP_MAX_COST_USD', ' 5 ', { maxCostUsd: 5 }],
    ['BATCH_MCP_REMOTE', 'off\n', { remote: 'off' }],
    ['BATCH_MCP_DATA_DIR', ' /data ', { dataDir: '/data' }],
    ['ANTHROPIC_API_KEY', 'sk-ant-1\n', { secrets: ['sk-ant-1'] }],
    ['ANTHROPIC_API_KEY', '"sk-ant-1"', { secrets: ['sk-ant-1'] }],
    ['ANTHROPIC_BASE_URL', "'https://gateway.example/v1'", { baseUrl: 'https://gateway.example' }],
    ['BATCH_MCP_READ_ONLY', '"true "', { readOnly: true }],
    ['BATCH_MCP_MAX_COST_USD', "'5'", { maxCostUsd: 5 }],
    ['BATCH_MCP_DATA_DIR', '"/my data"', { dataDir: '/my data' }],
    ['BATCH_MCP_DATA_DIR', '/a"b"', { dataDir: '/a"b"' }],
  ] satisfies [string, string, Partial<Config>][])(
    '%s=%j is taken without its blanks and quotes',
    (name, value, expected) => {
      expect(read({ [name]: value })).toMatchObject({ ...expected, notices: [] });
    },
  );
});

it.each([
  ['BATCH_MCP_MAX_COST', 'BATCH_MCP_MAX_COST_USD'],
  ['BATCH_MCP_DATADIR', 'BATCH_MCP_DATA_DIR'],
  ['BATCH_MCP_READONLY', 'BATCH_MCP_READ_ONLY'],
  ['BATCH_MCP_ALLOWED_DIR', 'BATCH_MCP_ALLOWED_DIRS'],
  ['BATCH_MCP_DAILY_BUDGET', 'BATCH_MCP_DAILY_BUDGET_USD'],
])('the variable %s is none, and %s is named', (name, meant) => {
  expect(read({ [name]: '1' }).notices).toEqual([
    `${name} is not a setting and is ignored: did you mean ${meant}?`,
  ]);
  expect(read({ BATCH_MCP_SOMETHING_ELSE: '1', BATCH_ID: 'x' }).notices).toEqual([]);
});

describe('a placeholder that the client did not fill in', () => {
  const whole = [
    `\${user_config.value}`,
    ` \${VALUE} `,
    `\${VALUE:-}`,
    `\${VALUE`,
    '$(VALUE)',
    '$VALUE',
    '$value_2',
    '%VALUE%',
    '%ProgramFiles(x86)%',
    '{{value}}',
    '{{ user.value }}',
    `\${{ secrets.VALUE }}`,
    '{env:VALUE}',
    '{file:~/.value}',
    '<value>',
    '<your value here>',
    '"<value>"',
    "'$VALUE'",
    'YOUR_API_KEY',
    'your-api-key-here',
    'insert your key',
    'sk-ant-...',
    'sk-ant-api03-xxxxxxxx',
    'sk-ant-xxx',
    '…',
    'undefined',
    'null',
  ];
  const parts = [
    `\${HOME}/batches`,
    `/data/\${USER}/batches`,
    '$HOME/batches',
    '/data/$USER',
    '/data/batches-$USER',
    '/data/batches_$USER/x',
    '\\Users\\%USERNAME%\\batches',
    '/home/<you>/batches',
    '/home/{{user}}/batches',
    '$env:USERPROFILE/batches',
  ];
  const plain = [
    '/data/caf%C3%A9',
    '/data/100%',
    '/data/us$',
    '/data/a$b',
    '/data/{a}',
    '/data/a<b',
    '/a/$5',
    '/50%_or_60%',
    '/path/to/data',
    '/your-team/x',
    '/null',
  ];
  const keys = ['sk-1234', 'dummy', 'test', '0', 'xxx', 'my-secret-key', 'your-1', 'no-key-needed'];

  const protects = allSettings.filter((setting) => setting.protects);
  const others = allSettings.filter((setting) => !setting.protects);

  it.each([...whole, ...parts])('%j is unset, and that is said', (value) => {
    for (const { variable, secret = false } of others) {
      const { notices, ...config } = read({ [variable]: value });
      expect(notices, variable).toEqual([expect.stringContaining(`${variable} holds `)]);
      expect(notices[0]?.includes('holds "'), variable).toBe(!secret);
      expect(notices[0]).toMatch(/a placeholder that the MCP client did not fill in: it counts as unset$/);
      expect({ ...config, notices: [] }, variable).toEqual(read());
    }
    const { notices, baseUrl } = read({ ANTHROPIC_BASE_URL: value, ANTHROPIC_CUSTOM_HEADERS: `x: ${value}` });
    expect(baseUrl).toBeUndefined();
    expect(notices[0]).toContain('ANTHROPIC_BASE_URL holds ');
    expect(notices.join()).not.toContain(value.trim());
  });

  const sources = ['op://vault/anthropic/key', 'env:VALUE', 'process.env.VALUE'];
  it.each([...whole, ...sources, `Bearer \${TOKEN}`])('%j is no key', (value) => {
    const { notices, secrets } = read({ ANTHROPIC_API_KEY: value, ANTHROPIC_AUTH_TOKEN: value });
    expect(secrets).toEqual([]);
    expect(notices).toHaveLength(2);
    expect(notices.join()).not.toContain(value.trim());
    expect(readSdkSettings({ ANTHROPIC_API_KEY: value, ANTHROPIC_AUTH_TOKEN: value })).toMatchObject({
      key: undefined,
      token: undefined,
    });
  });

  it.each([
    'a$(b)c',
    'pa$$word',
    'x-$y',
    'p<q>r',
    '50%AB%',
    '{{a',
    'gw-\u007b\u007bx\u007d\u007d-1',
    `a\${b}c`,
  ])('%j is a key that holds odd signs', (key) => {
    expect(read({ ANTHROPIC_API_KEY: key })).toMatchObject({ secrets: [key], notices: [] });
    expect(readSdkSettings({ ANTHROPIC_API_KEY: key, ANTHROPIC_AUTH_TOKEN: key })).toMatchObject({
      key,
      token: key,
    });
    const proxy = `http://user:${key}@proxy.example.com:3128`;
    expect(read({ HTTPS_PROXY: proxy }).notices).toEqual([]);
    expect(read({ HTTPS_PROXY: `http://\${HOST}:3128` }).notices).toHaveLength(1);
  });

  it.each([
    ['Http_Proxy', 'HTTP_PROXY and http_proxy are read'],
    ['https_Proxy', 'HTTPS_PROXY and https_proxy are read'],
    ['No_Proxy', 'NO_PROXY and no_proxy are read'],
    ['Anthropic_Api_Key', 'ANTHROPIC_API_KEY is read'],
    ['anthropic_base_url', 'ANTHROPIC_BASE_URL is read'],
  ])('%s, whose name no program reads, is said', (name, says) => {
    expect(read({ [name]: 'http://x' })).toMatchObject({
      notices: [`${name} has no effect: ${says}`],
      secrets: [],
      baseUrl: undefined,
    });
    expect(read({ [name.toUpperCase()]: 'http://x' }).notices).toEqual([]);
  });

  it('a ceiling whose name is not in capitals is none, which is said', () => {
    expect(read({ batch_mcp_max_cost_usd: '1' }).notices).toEqual([
      'batch_mcp_max_cost_usd is not a setting and is ignored: did you mean BATCH_MCP_MAX_COST_USD?',
    ]);
  });

  it.each([...whole, ...parts])('%j in a setting that protects ends the start', (value) => {
    expect(protects.map(({ variable }) => variable)).toEqual([
      'BATCH_MCP_PROVIDER',
      'BATCH_MCP_STORE',
      'BATCH_MCP_BLOBS',
      'BATCH_MCP_MAX_COST_USD',
      'BATCH_MCP_DAILY_BUDGET_USD',
      'BATCH_MCP_ASK_ABOVE_USD',
      'BATCH_MCP_REQUESTS_PER_MINUTE',
      'BATCH_MCP_REMOTE',
      'BATCH_MCP_READ_ONLY',
      'BATCH_MCP_HTTP',
      'BATCH_MCP_HTTP_URL',
      'BATCH_MCP_HTTP_TOKENS',
      'BATCH_MCP_OAUTH_ISSUER',
      'BATCH_MCP_OAUTH_AUDIENCE',
      'BATCH_MCP_OAUTH_KEYS',
      'BATCH_MCP_UPLOADS_DIR',
      'BATCH_MCP_UPLOAD_MB',
      'BATCH_MCP_SHARED',
      'BATCH_MCP_USER_BUDGET_USD',
    ]);
    for (const { variable, secret = false } of protects) {
      const said = refusal({ [variable]: value });
      expect(said).toContain(`- ${variable}: holds ${secret ? 'what' : '"'}`);
      expect(said).toContain(
        'a placeholder that the MCP client did not fill in. Valid: its value, or nothing',
      );
    }
  });

  it.each(plain)('%j is a name like any other', (value) => {
    expect(read({ BATCH_MCP_DATA_DIR: value })).toMatchObject({ dataDir: value, notices: [] });
  });

  it('in brackets is no key', () => {
    expect(read({ ANTHROPIC_API_KEY: '[YOUR KEY]' }).secrets).toEqual([]);
  });

  it.each(keys)('%j is the key of a gateway', (key) => {
    expect(read({ ANTHROPIC_API_KEY: key })).toMatchObject({ secrets: [key], notices: [] });
  });

  it('in a flag is named by the flag', () => {
    expect(read({}, ['--data-dir', '{{user_config.folder}}']).notices).toEqual([
      '--data-dir (BATCH_MCP_DATA_DIR) holds "{{user_config.folder}}", a placeholder that the MCP client did not fill in: it counts as unset',
    ]);
    expect(refusal({}, ['--max-cost-usd=$LIMIT'])).toContain(
      '--max-cost-usd (BATCH_MCP_MAX_COST_USD): holds "$LIMIT"',
    );
  });

  it('leaves the other folders of a list', () => {
    const { allowedDirs, notices } = read({ BATCH_MCP_ALLOWED_DIRS: `/a:\${HOME:-/x}/b:/c` }, [
      '--allow-dir',
      '/d',
      '<folder>',
    ]);
    expect(allowedDirs).toEqual(['/a', '/c', '/d', '/home/ada/batch-mcp']);
    expect(notices).toHaveLength(2);
  });

  it('does not matter where a flag stands in for it', () => {
    expect(read({ BATCH_MCP_READ_ONLY: `\${X}` }, ['--read-only'])).toMatchObject({
      readOnly: true,
      notices: [],
    });
  });
});

/** No plain decimal numbers. */
const AMOUNTS = [
  '0x10',
  '0b1',
  '0o7',
  '1_000',
  '1,5',
  '$5',
  '5 dollars',
  '-1',
  '+5',
  'NaN',
  'Infinity',
  '1e999',
  '.',
  'e5',
];

describe('a configuration that cannot be used', () => {
  const rows: [what: string, env: Environment, argv: string[], ...says: string[]][] = [
    ['provider', { BATCH_MCP_PROVIDER: 'openai' }, [], 'BATCH_MCP_PROVIDER', 'anthropic, sandbox'],
    [
      'amount in words',
      { BATCH_MCP_MAX_COST_USD: 'five' },
      [],
      'BATCH_MCP_MAX_COST_USD',
      'a number, zero or above',
    ],
    ['amount below zero', { BATCH_MCP_MAX_COST_USD: '-1' }, [], 'BATCH_MCP_MAX_COST_USD', 'zero or above'],
    ['amount without end', { BATCH_MCP_DAILY_BUDGET_USD: 'Infinity' }, [], 'BATCH_MCP_DAILY_BUDGET_USD'],
    [
      'switch',
      { BATCH_MCP_READ_ONLY: 'maybe' },
      [],
      'BATCH_MCP_READ_ONLY',
      '1, true, yes, on, 0, false, no, off',
    ],
    [
      'log level',
      {},
      ['--log-level', 'loud'],
      '- --log-level (BATCH_MCP_LOG_LEVEL): "loud" is not valid',
      'debug, info, warn, error',
    ],
    [
      'log level by variable',
      { BATCH_MCP_LOG_LEVEL: 'loud' },
      [],
      '- BATCH_MCP_LOG_LEVEL: "loud" is not valid',
    ],
    [
      'provider by flag',
      {},
      ['--provider=openai'],
      '- --provider (BATCH_MCP_PROVIDER): "openai" is not valid',
    ],
    [
      'amount below zero by flag',
      {},
      ['--max-cost-usd', '-5'],
      '- --max-cost-usd (BATCH_MCP_MAX_COST_USD): "-5" is not valid',
      'zero or above',
    ],
    [
      'key in the wrong place',
      { BATCH_MCP_PROVIDER: 'sk-ant-api03-secret' },
      [],
      'BATCH_MCP_PROVIDER: "[key]" is not valid',
    ],
    ['unknown flag', {}, ['--budget', '5'], '"--budget": unknown flag', '--daily-budget-usd'],
    ['mistyped flag', {}, ['--alow-dir', '/a'], '"--alow-dir": unknown flag (did you mean "--allow-dir"?)'],
    [
      'flag without its value',
      {},
      ['--data-dir', '--sandbox'],
      '--data-dir: has no value',
      '--data-dir <folder>',
    ],
    ['flag with an empty value', {}, ['--data-dir='], '--data-dir: has no value'],
    ['switch with a value', {}, ['--read-only=no'], '--read-only: has a value', '--read-only alone'],
    ['word that belongs to no flag', {}, ['list'], '"list": belongs to no flag', '--help'],
    ['folder behind another flag', {}, ['--allow-dir', '/a', '--sandbox', '/b'], '"/b": belongs to no flag'],
  ];
  it.each(rows)('%s', (_, env, argv, ...says) => {
    const text = refusal(env, argv);
    expect(text).toContain('nothing was started');
    for (const part of says) expect(text).toContain(part);
  });

  it.each([...AMOUNTS])('an amount of %j', (value) => {
    for (const variable of [
      'BATCH_MCP_MAX_COST_USD',
      'BATCH_MCP_DAILY_BUDGET_USD',
      'BATCH_MCP_SETTLE_SECONDS',
    ]) {
      expect(refusal({ [variable]: value })).toContain(
        `- ${variable}: ${JSON.stringify(value)} is not valid`,
      );
    }
  });

  it('has all its problems named', () => {
    const env = { BATCH_MCP_PROVIDER: 'x', BATCH_MCP_READ_ONLY: 'x', BATCH_MCP_SANDBOX_SECONDS: 'x' };
    expect(refusal(env).match(/^- BATCH_MCP_/gm)).toHaveLength(3);
    expect(refusal({}, ['--what', '--max-cost-usd']).match(/^- /gm)).toHaveLength(2);
    const all = { BATCH_MCP_PROVIDER: 'x', ANTHROPIC_BASE_URL: 'x' };
    expect(refusal(all, ['--what', 'no', '--data-dir', '~/x']).match(/^- /gm)).toHaveLength(4);
  });
});

describe('who is told of ends', () => {
  const taken: [given: string, expected: object][] = [
    ['https://hooks.example/x?y=1', { kind: 'url', url: 'https://hooks.example/x?y=1' }],
    ['/opt/my tools/tell', { kind: 'command', command: '/opt/my tools/tell', args: [] }],
    ['tell', { kind: 'command', command: 'tell', args: [] }],
    ['tell.sh', { kind: 'command', command: 'tell.sh', args: [] }],
    ['./bin/tell', { kind: 'command', command: './bin/tell', args: [] }],
    ['../tell', { kind: 'command', command: '../tell', args: [] }],
    ['C:/tools/tell.exe', { kind: 'command', command: 'C:/tools/tell.exe', args: [] }],
    ['C:\\my tools\\tell.exe', { kind: 'command', command: 'C:\\my tools\\tell.exe', args: [] }],
    [
      '["sh", "-c", "say $BATCH_NAME; exit"]',
      { kind: 'command', command: 'sh', args: ['-c', 'say $BATCH_NAME; exit'] },
    ],
  ];
  it.each(taken)('%j', (given, target) => {
    expect(read({ BATCH_MCP_NOTIFY: given }).notify).toEqual({ target, headers: {} });
  });

  it('is nobody where a client did not fill it in', () => {
    expect(read({ BATCH_MCP_NOTIFY: '%NOTIFY_URL%' }).notify).toBeNull();
  });

  it.each([
    ['BATCH_MCP_NOTIFY', 'https://ada:hush@hooks.example'],
    ['BATCH_MCP_NOTIFY', 'https://'],
    ['BATCH_MCP_NOTIFY', 'ftp://hooks.example/hush'],
    ['BATCH_MCP_NOTIFY', 'curl -d hush https://hooks.example'],
    ['BATCH_MCP_NOTIFY', 'hooks.example/hush'],
    ['BATCH_MCP_NOTIFY', 'hush/x'],
    ['BATCH_MCP_NOTIFY', '//hooks.example/hush'],
    ['BATCH_MCP_NOTIFY', 'localhost:8080/hush'],
    ['BATCH_MCP_NOTIFY', 'hush.example:8080'],
    ['BATCH_MCP_NOTIFY', '127.0.0.1:8080'],
    ['BATCH_MCP_NOTIFY', 'mailto:hush@example'],
    ['BATCH_MCP_NOTIFY', '["curl", 3, "hush"]'],
    ['BATCH_MCP_NOTIFY', '[]'],
    ['BATCH_MCP_NOTIFY', '["hush"'],
    ['BATCH_MCP_NOTIFY_HEADERS', 'Authorization: hush'],
    ['BATCH_MCP_NOTIFY_HEADERS', '{"Authorization": "hush\\n"}'],
    ['BATCH_MCP_NOTIFY_HEADERS', '{"a b": "hush"}'],
  ])('%s=%s is refused, and not quoted', (variable, given) => {
    const said = refusal({ [variable]: given });
    expect(said).toContain(`- ${variable}: what is given is not valid. Valid: `);
    expect(said).not.toContain('hush');
  });
});

describe('the address of the API', () => {
  const taken: [given: string, expected: string][] = [
    ['https://api.anthropic.com', 'https://api.anthropic.com'],
    ['https://api.anthropic.com/', 'https://api.anthropic.com'],
    ['https://api.anthropic.com//', 'https://api.anthropic.com'],
    ['https://api.anthropic.com/v1', 'https://api.anthropic.com'],
    ['https://api.anthropic.com/v1/', 'https://api.anthropic.com'],
    ['https://api.anthropic.com//v1//', 'https://api.anthropic.com'],
    ['https://api.anthropic.com/v1/messages', 'https://api.anthropic.com'],
    ['https://api.anthropic.com/v1/messages/batches/', 'https://api.anthropic.com'],
    [' http://localhost:4000/v1 ', 'http://localhost:4000'],
    ['https://gateway.example/anthropic/v1/', 'https://gateway.example/anthropic'],
    ['https://gateway.example/v1/anthropic', 'https://gateway.example/v1/anthropic'],
    ['https://v1', 'https://v1'],
    ['https://gateway.example/env1', 'https://gateway.example/env1'],
  ];
  it.each(taken)('%j is %s', (given, expected) => {
    expect(read({ ANTHROPIC_BASE_URL: given }).baseUrl).toBe(expected);
  });

  const refused: [given: string, says: string][] = [
    ['https://ada:secret@gateway.example', 'holds a user name or a password'],
    ['https://secret@gateway.example/v1', 'holds a user name or a password'],
    ['https://:secret@gateway.example', 'holds a user name or a password'],
    ['https://gateway.example/?key=secret', 'holds a query or a fragment'],
    ['https://gateway.example/#secret', 'holds a query or a fragment'],
    ['https://gateway.example/#', 'holds a query or a fragment'],
    ['https://gateway.example/v1?', 'holds a query or a fragment'],
    ['api.anthropic.com/secret', 'is not an http or https address'],
    ['ftp://secret.example', 'is not an http or https address'],
    ['localhost:4000', 'is not an http or https address'],
    ['https://', 'is not an http or https address'],
  ];
  it.each(refused)('%j is refused, and not quoted', (given, says) => {
    const said = refusal({ ANTHROPIC_BASE_URL: given });
    expect(said).toContain(`- ANTHROPIC_BASE_URL: ${says}. Valid: the address alone`);
    expect(said).not.toContain('secret');
  });
});

describe('without a home folder', () => {
  const bare = (env: Environment, argv: string[] = [], where: string | null = cwd) =>
    readConfig({ env, argv, cwd: where, home: null });

  it.each([
    ['by variable', { BATCH_MCP_DATA_DIR: '/data' }, [], '/data'],
    ['by flag', {}, ['--data-dir', '/data'], '/data'],
    ['where the platform keeps data', { XDG_DATA_HOME: '/share' }, [], '/share/batch-mcp'],
  ] satisfies [string, Environment, string[], string][])(
    'it works with a data folder %s',
    (_, env, argv, dataDir) => {
      expect(bare(env, argv)).toMatchObject({
        dataDir,
        allowedDirs: [cwd, expect.any(String)],
        baseDir: cwd,
      });
      expect(bare(env, argv, '/').baseDir).toMatch(/batch-mcp-\d+$/);
    },
  );

  it('it says what to set', () => {
    expect(() => bare({})).toThrow(expect.objectContaining({ problemCount: 1 }));
    expect(() => bare({ BATCH_MCP_DATA_DIR: '~/data' })).toThrow(
      expect.objectContaining({
        problems: [expect.objectContaining({ item: '"~/data"', valid: 'an absolute path' })],
      }),
    );
  });
});

describe('in a folder that has been removed', () => {
  const gone = (argv: string[]) => readConfig({ env: {}, argv, cwd: null, home });

  it('it works with the work folder', () => {
    const work = '/home/ada/batch-mcp';
    expect(gone([])).toMatchObject({ allowedDirs: [work], baseDir: work, project: null });
    expect(gone(['--allow-dir', '/a', '~/b'])).toMatchObject({
      allowedDirs: ['/a', '/home/ada/b', work],
      baseDir: work,
    });
  });

  it('a relative folder is refused', () => {
    expect(() => gone(['--data-dir', 'data'])).toThrow(
      expect.objectContaining({
        problems: [
          {
            item: '"data"',
            problem: 'there is no folder to resolve it against',
            valid: 'an absolute path',
          },
        ],
      }),
    );
  });
});

describe('the folders', () => {
  const work = '/home/ada/batch-mcp';
  const rows: [what: string, where: string, argv: string[], expected: Partial<Config>][] = [
    [
      'several',
      cwd,
      ['--allow-dir', '/a', '/b', '--sandbox'],
      { allowedDirs: ['/a', '/b', work], baseDir: work },
    ],
    ['one by one', cwd, ['--allow-dir', '/a', '--allow-dir=b'], { allowedDirs: ['/a', `${cwd}/b`, work] }],
    ['the working one', cwd, ['--allow-dir', '.'], { allowedDirs: [cwd, work], baseDir: cwd }],
    [
      'one above the working one',
      cwd,
      ['--allow-dir', '/home'],
      { allowedDirs: ['/home', work], baseDir: cwd },
    ],
    ['all', cwd, ['--allow-dir', '/'], { allowedDirs: ['/', work], baseDir: cwd }],
    ['one that begins like the working one', cwd, ['--allow-dir', '/home/ada/ord'], { baseDir: work }],
    ['in the root', '/', [], { allowedDirs: [work], baseDir: work, project: null }],
    ['at home', home, [], { allowedDirs: [work], baseDir: work, project: null }],
    ['above home', '/home', [], { allowedDirs: [work], baseDir: work, project: null }],
    ['in a system folder', '/usr/lib/client', [], { allowedDirs: [work], baseDir: work, project: null }],
    [
      'beside a system folder',
      '/usr2',
      [],
      { allowedDirs: ['/usr2', work], baseDir: '/usr2', project: 'usr2' },
    ],
  ];
  it.each(rows)('%s', (_, where, argv, expected) => {
    expect(readConfig({ env: {}, argv, cwd: where, home })).toMatchObject(expected);
  });

  it('by variable, as in PATH', () => {
    const BATCH_MCP_ALLOWED_DIRS = ['/a', '', '~/b'].join(path.delimiter);
    const { allowedDirs } = read({ BATCH_MCP_ALLOWED_DIRS }, ['--allow-dir', '/c']);
    expect(allowedDirs).toEqual(['/a', '/home/ada/b', '/c', work]);
  });

  it('of work lie in Documents where there is one', async () => {
    const someone = await temporaryFolder();
    await mkdir(path.join(someone, 'Documents'));
    const { workDir } = readConfig({ env: {}, argv: [], cwd, home: someone });
    expect(workDir).toBe(path.join(someone, 'Documents', 'batch-mcp'));
  });
});
