import { logLevels } from '../log.ts';
import { providerNames } from '../provider/provider.ts';
import { remotes } from '../state/context.ts';

import { blobsAddress } from './blobs-address.ts';
import {
  aboveZero,
  amount,
  defineSetting,
  names,
  oneOf,
  onOff,
  type Setting,
  text,
} from './define-setting.ts';
import { httpSettings } from './http-settings.ts';
import { httpHeaders, notifyTarget } from './notify-settings.ts';
import { storeAddress } from './store-address.ts';

/**
 * Every setting, in the order of `--help` and docs/configuration.md. Flags, help, checks and their messages are made from
 * it; test/docs.test.ts compares the documentation.
 */
export const settings = {
  provider: defineSetting({
    variable: 'BATCH_MCP_PROVIDER',
    flag: 'provider',
    type: oneOf('name', providerNames),
    default: 'anthropic',
    help: 'where new work goes: anthropic or sandbox',
    // An owner who wants the sandbox must not end up paying for real work.
    protects: true,
    shorthand: {
      flag: 'sandbox',
      value: 'sandbox',
      help: 'short for --provider sandbox: made-up answers, free, to try everything',
    },
  }),
  dataDir: defineSetting({
    variable: 'BATCH_MCP_DATA_DIR',
    flag: 'data-dir',
    type: text('folder'),
    default: null,
    defaultText: "the platform's data folder",
    help: 'where batches and results are kept; several servers can share it',
  }),
  store: defineSetting({
    variable: 'BATCH_MCP_STORE',
    flag: 'store',
    type: storeAddress,
    default: null,
    defaultText: 'the data folder',
    help: 'a PostgreSQL database that keeps batches and results in its place, for a team: postgres://…',
    secret: true,
    // In the wrong place, the same work would be paid for twice.
    protects: true,
  }),
  blobs: defineSetting({
    variable: 'BATCH_MCP_BLOBS',
    flag: 'blobs',
    type: blobsAddress,
    default: null,
    defaultText: 'in the database',
    help: "where that database's tasks and results are kept: s3://bucket/prefix or file:///folder",
    secret: true,
    // In the wrong place, the other servers would not find them.
    protects: true,
  }),
  blobsCacheMb: defineSetting({
    variable: 'BATCH_MCP_BLOBS_CACHE_MB',
    type: amount('megabytes'),
    default: 1000,
    help: 'how much of a bucket is copied to this machine when it is read, in megabytes; 0 for nothing',
  }),
  workDir: defineSetting({
    variable: 'BATCH_MCP_WORK_DIR',
    flag: 'work-dir',
    type: text('folder'),
    default: null,
    defaultText: '~/Documents/batch-mcp, or else ~/batch-mcp',
    help: 'a folder that is always allowed, for relative paths where the working folder is of no use',
  }),
  allowedDirs: defineSetting({
    variable: 'BATCH_MCP_ALLOWED_DIRS',
    flag: 'allow-dir',
    type: text('folder'),
    list: true,
    default: null,
    defaultText: 'the working folder, unless it is /, a home folder or a system folder',
    help: 'folders that arguments of tools may name, for reading and writing',
  }),
  maxCostUsd: defineSetting({
    variable: 'BATCH_MCP_MAX_COST_USD',
    flag: 'max-cost-usd',
    type: amount('dollars'),
    default: 25,
    help: 'ceiling for what one submission may cost at most',
    protects: true,
  }),
  dailyBudgetUsd: defineSetting({
    variable: 'BATCH_MCP_DAILY_BUDGET_USD',
    flag: 'daily-budget-usd',
    type: amount('dollars'),
    default: 100,
    help: 'ceiling for all submissions from the data folder in a UTC day',
    protects: true,
  }),
  askAboveUsd: defineSetting({
    variable: 'BATCH_MCP_ASK_ABOVE_USD',
    flag: 'ask-above-usd',
    type: amount('dollars'),
    default: null,
    defaultText: 'off',
    help: 'the client asks the person before work is sent that could cost more than this',
    protects: true,
  }),
  notify: defineSetting({
    variable: 'BATCH_MCP_NOTIFY',
    flag: 'notify',
    type: notifyTarget,
    default: null,
    defaultText: 'off',
    help: 'a URL or a command that is told when a batch has ended: name, counts, dollars and files, no content',
    secret: true,
    // A shell command has variables of its own.
    isLiteral: (text) => text.startsWith('['),
  }),
  notifyHeaders: defineSetting({
    variable: 'BATCH_MCP_NOTIFY_HEADERS',
    type: httpHeaders,
    default: null,
    help: 'headers for that URL, a JSON object',
    secret: true,
  }),
  modelCheap: defineSetting({
    variable: 'BATCH_MCP_MODEL_CHEAP',
    type: text('model'),
    default: null,
    defaultText: "the price table's",
    help: 'the model for the tier cheap, by its exact id',
  }),
  modelCapable: defineSetting({
    variable: 'BATCH_MCP_MODEL_CAPABLE',
    type: text('model'),
    default: null,
    defaultText: "the price table's",
    help: 'the model for the tier capable',
  }),
  modelPremium: defineSetting({
    variable: 'BATCH_MCP_MODEL_PREMIUM',
    type: text('model'),
    default: null,
    defaultText: "the price table's",
    help: 'the model for the tier premium',
  }),
  pricesFile: defineSetting({
    variable: 'BATCH_MCP_PRICES',
    type: text('file'),
    default: null,
    help: "a JSON file of prices that replace or extend the table's",
  }),
  templates: defineSetting({
    variable: 'BATCH_MCP_TEMPLATES',
    flag: 'templates',
    type: text('folder'),
    default: null,
    help: 'a folder of task types of your own, Markdown files with a head',
  }),
  settleSeconds: defineSetting({
    variable: 'BATCH_MCP_SETTLE_SECONDS',
    type: amount('seconds'),
    default: 30,
    help: "how long an uncertain create may take to show in the API's list of batches, in seconds",
  }),
  requestsPerMinute: defineSetting({
    variable: 'BATCH_MCP_REQUESTS_PER_MINUTE',
    type: aboveZero('requests'),
    default: null,
    defaultText: 'only what the API says',
    help: 'requests about batches to the API per minute, over all servers on a database',
    protects: true,
  }),
  sandboxSeconds: defineSetting({
    variable: 'BATCH_MCP_SANDBOX_SECONDS',
    type: amount('seconds'),
    default: 2,
    help: 'how long a sandbox batch takes, in seconds',
  }),
  remote: defineSetting({
    variable: 'BATCH_MCP_REMOTE',
    type: oneOf('access', remotes),
    default: 'manage',
    help: 'what may be done with batches that other programs made: manage, read (no canceling) or off',
    protects: true,
  }),
  readOnly: defineSetting({
    variable: 'BATCH_MCP_READ_ONLY',
    flag: 'read-only',
    type: onOff,
    default: false,
    help: 'only status, results, lists and estimates; writes no files for the caller',
    protects: true,
  }),
  allowNetworkTools: defineSetting({
    variable: 'BATCH_MCP_ALLOW_NETWORK_TOOLS',
    type: onOff,
    default: false,
    help: 'lets requests use web search, web fetch, code execution, MCP servers, containers and URLs',
  }),
  betas: defineSetting({
    variable: 'BATCH_MCP_BETAS',
    type: names('names'),
    default: null,
    help: 'betas of the API that requests may rely on, as in output-300k-2026-03-24',
  }),
  logLevel: defineSetting({
    variable: 'BATCH_MCP_LOG_LEVEL',
    flag: 'log-level',
    type: oneOf('level', logLevels),
    default: 'info',
    help: 'what is logged to stderr: debug, info, warn or error',
  }),
  ...httpSettings,
};

/** The table row by row. */
export const allSettings: readonly Setting[] = Object.values(settings);
