import os from 'node:os';
import path from 'node:path';
import envPaths from 'env-paths';
import * as z from 'zod';
import { BatchError, type Problem } from '../errors.ts';
import { type LogLevel, logLevels } from '../log.ts';
import { type ProviderName, providerNames } from '../provider/provider.ts';
import { type Remote, remotes } from '../state/context.ts';
import { readFlags } from './flags.ts';
import { defaultWorkFolder, isInside, isWorkingFolder } from './folders.ts';

/** All that a process is told from outside, read once and checked before anything is done. */
export type Config = {
  provider: ProviderName;
  dataDir: string;
  workDir: string;
  /** Folders that an MCP argument may name, the work folder among them. Absolute. */
  allowedDirs: string[];
  /** Relative paths in MCP arguments resolve against this one. */
  baseDir: string;
  /** The working folder's base name, where it is one that its user works in. */
  project: string | null;
  home: string;
  maxCostUsd: number;
  dailyBudgetUsd: number;
  tierModels: { cheap?: string; capable?: string; premium?: string };
  pricesFile: string | undefined;
  settleSeconds: number;
  sandboxSeconds: number;
  readOnly: boolean;
  remote: Remote;
  allowNetworkTools: boolean;
  logLevel: LogLevel;
  /** Credentials as the environment has them: only for keeping them out of whatever is written. */
  secrets: string[];
};

export type Environment = Readonly<Record<string, string | undefined>>;

type Given = { env: Environment; argv: readonly string[]; cwd: string; home?: string };

const yes = ['1', 'true', 'yes', 'on'];
const no = ['0', 'false', 'no', 'off'];

const onOff = z
  .string()
  .toLowerCase()
  .refine((value) => yes.includes(value) || no.includes(value), {
    error: `one of ${[...yes, ...no].join(', ')}`,
  })
  .transform((value) => yes.includes(value));
const amount = z
  .string()
  .refine((value) => value.trim() !== '' && Number(value) >= 0 && Number.isFinite(Number(value)), {
    error: 'a number, zero or above',
  })
  .transform(Number);

const settings = z.object({
  BATCH_MCP_PROVIDER: z
    .enum(providerNames, { error: `one of ${providerNames.join(', ')}` })
    .default('anthropic'),
  BATCH_MCP_DATA_DIR: z.string().optional(),
  BATCH_MCP_WORK_DIR: z.string().optional(),
  BATCH_MCP_ALLOWED_DIRS: z.string().optional(),
  BATCH_MCP_MAX_COST_USD: amount.default(25),
  BATCH_MCP_DAILY_BUDGET_USD: amount.default(100),
  BATCH_MCP_MODEL_CHEAP: z.string().optional(),
  BATCH_MCP_MODEL_CAPABLE: z.string().optional(),
  BATCH_MCP_MODEL_PREMIUM: z.string().optional(),
  BATCH_MCP_PRICES: z.string().optional(),
  BATCH_MCP_SETTLE_SECONDS: amount.default(30),
  BATCH_MCP_SANDBOX_SECONDS: amount.default(2),
  BATCH_MCP_REMOTE: z.enum(remotes, { error: `one of ${remotes.join(', ')}` }).default('manage'),
  BATCH_MCP_READ_ONLY: onOff.default(false),
  BATCH_MCP_ALLOW_NETWORK_TOOLS: onOff.default(false),
  BATCH_MCP_LOG_LEVEL: z.enum(logLevels, { error: `one of ${logLevels.join(', ')}` }).default('info'),
});

const flagVariables = {
  provider: 'BATCH_MCP_PROVIDER',
  'data-dir': 'BATCH_MCP_DATA_DIR',
  'work-dir': 'BATCH_MCP_WORK_DIR',
  'max-cost-usd': 'BATCH_MCP_MAX_COST_USD',
  'daily-budget-usd': 'BATCH_MCP_DAILY_BUDGET_USD',
  'log-level': 'BATCH_MCP_LOG_LEVEL',
} as const;

/** A variable counts as unset when it is empty, or holds a `${…}` that the client did not fill in. */
export function unsetPlaceholders(env: Environment): Record<string, string> {
  return Object.fromEntries(
    Object.entries(env).filter(
      (entry): entry is [string, string] =>
        entry[1] !== undefined && entry[1].trim() !== '' && !/^\$\{[^}]*\}$/.test(entry[1].trim()),
    ),
  );
}

/**
 * Reads the configuration from the environment and the command line; a flag wins over its variable. Reads
 * no file and makes no folder. Throws `invalid_input` with every problem at once.
 */
export function readConfig({ env, argv, cwd, home = os.homedir() }: Given): Config {
  const given = readFlags(argv);
  const variables = unsetPlaceholders(env);
  for (const [flag, variable] of Object.entries(flagVariables) as [keyof typeof flagVariables, string][]) {
    const value = given[flag];
    if (value !== undefined) variables[variable] = value;
  }
  if (given.sandbox) variables.BATCH_MCP_PROVIDER = 'sandbox';
  if (given['read-only']) variables.BATCH_MCP_READ_ONLY = 'true';

  const parsed = settings.safeParse(variables);
  if (!parsed.success) {
    const problems: Problem[] = parsed.error.issues.map((issue) => ({
      item: issue.path.join('.'),
      problem: 'the value is not valid',
      valid: issue.message,
    }));
    throw new BatchError('invalid_input', 'The configuration is not valid; nothing was started.', {
      problems,
    });
  }
  const values = parsed.data;

  const absolute = (folder: string) => path.resolve(cwd, folder.replace(/^~(?=$|[/\\])/, home));
  const workDir = absolute(values.BATCH_MCP_WORK_DIR ?? defaultWorkFolder(home));
  const named = [
    ...(values.BATCH_MCP_ALLOWED_DIRS?.split(path.delimiter).filter((folder) => folder !== '') ?? []),
    ...given['allow-dir'],
  ].map(absolute);
  const usable = isWorkingFolder({ cwd, home });
  const allowed = named.length > 0 ? named : usable ? [cwd] : [];
  const cwdAllowed = allowed.some((folder) => isInside(cwd, folder));

  return {
    provider: values.BATCH_MCP_PROVIDER,
    dataDir: absolute(values.BATCH_MCP_DATA_DIR ?? envPaths('batch-mcp', { suffix: '' }).data),
    workDir,
    allowedDirs: [...new Set([...allowed, workDir])],
    baseDir: usable && cwdAllowed ? cwd : workDir,
    project: usable ? path.basename(cwd) : null,
    home,
    maxCostUsd: values.BATCH_MCP_MAX_COST_USD,
    dailyBudgetUsd: values.BATCH_MCP_DAILY_BUDGET_USD,
    tierModels: {
      ...(values.BATCH_MCP_MODEL_CHEAP && { cheap: values.BATCH_MCP_MODEL_CHEAP }),
      ...(values.BATCH_MCP_MODEL_CAPABLE && { capable: values.BATCH_MCP_MODEL_CAPABLE }),
      ...(values.BATCH_MCP_MODEL_PREMIUM && { premium: values.BATCH_MCP_MODEL_PREMIUM }),
    },
    pricesFile: values.BATCH_MCP_PRICES && absolute(values.BATCH_MCP_PRICES),
    settleSeconds: values.BATCH_MCP_SETTLE_SECONDS,
    sandboxSeconds: values.BATCH_MCP_SANDBOX_SECONDS,
    remote: values.BATCH_MCP_REMOTE,
    readOnly: values.BATCH_MCP_READ_ONLY,
    allowNetworkTools: values.BATCH_MCP_ALLOW_NETWORK_TOOLS,
    logLevel: values.BATCH_MCP_LOG_LEVEL,
    secrets: [variables.ANTHROPIC_API_KEY, variables.ANTHROPIC_AUTH_TOKEN].filter(
      (value) => value !== undefined,
    ),
  };
}
