import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Config, type Environment, readConfig, unsetPlaceholders } from '../../src/config/config.ts';
import { BatchError, renderError } from '../../src/errors.ts';
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

  // Desktop clients hand over what their user left empty, or a place that they did not fill.
  it.each(['', ' ', `\${user_config.limit}`, ` \${LIMIT} `])('counts as unset: %j', (value) => {
    expect(read({ BATCH_MCP_MAX_COST_USD: value, ANTHROPIC_API_KEY: value })).toEqual(read());
    expect(unsetPlaceholders({ A: value, B: 'b', C: undefined })).toEqual({ B: 'b' });
  });
});

describe('a configuration that can not be used', () => {
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
    ['log level', {}, ['--log-level', 'loud'], 'BATCH_MCP_LOG_LEVEL', 'debug, info, warn, error'],
    ['unknown flag', {}, ['--budget', '5'], '"--budget": unknown flag', '--daily-budget-usd'],
    ['mistyped flag', {}, ['--alow-dir', '/a'], '"--alow-dir": unknown flag (did you mean "--allow-dir"?)'],
    [
      'flag without its value',
      {},
      ['--data-dir', '--sandbox'],
      '--data-dir: has no value',
      '--data-dir VALUE',
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

  it('has all its problems named', () => {
    const env = { BATCH_MCP_PROVIDER: 'x', BATCH_MCP_READ_ONLY: 'x', BATCH_MCP_SANDBOX_SECONDS: 'x' };
    expect(refusal(env).match(/^- BATCH_MCP_/gm)).toHaveLength(3);
    expect(refusal({}, ['--what', '--max-cost-usd']).match(/^- /gm)).toHaveLength(2);
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
