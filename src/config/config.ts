import path from 'node:path';
import { BatchError, type Problem } from '../errors.ts';
import { isInside } from '../lib/files/real-paths.ts';
import type { Target } from '../lib/http/deliver.ts';
import { secretsOfVariables } from '../lib/http/secret-headers.ts';
import { quoteName } from '../lib/nearest.ts';
import type { LogLevel } from '../log.ts';
import type { ProviderName } from '../provider/provider.ts';
import type { Remote } from '../state/context.ts';
import type { BlobsAddress } from '../store/objects/open-objects.ts';
import { completeBlobs, secretsOfBlobs } from './blobs-address.ts';
import {
  currentFolder,
  defaultDataFolder,
  defaultWorkFolder,
  homeFolder,
  isWorkingFolder,
} from './folders.ts';
import { type HttpConfig, readHttpConfig } from './http-config.ts';
import { readBaseUrl, readNetworkVariables } from './network-variables.ts';
import { secretsOfNotify } from './notify-settings.ts';
import { type Environment, readSettings, type SettingValues } from './read-settings.ts';
import { settings } from './settings.ts';
import type { StoreAddress } from './store-address.ts';

/** The whole configuration of a process, read once and checked before anything is done. */
export type Config = {
  provider: ProviderName;
  /** The API's address, without a trailing `/v1`; undefined for the SDK's own. */
  baseUrl: string | undefined;
  /** The embedded store's folder: nothing else opens anything in it, except for the two folders below. */
  dataDir: string;
  /** The database that is the store; null: the store is the data folder. */
  store: StoreAddress | null;
  /** Null: one client on stdin and stdout. */
  http: HttpConfig | null;
  /** Where the bytes of that store's blobs are kept; null: in the database itself. */
  blobs: BlobsAddress | null;
  /** The size limit of the copies of a bucket's objects on this machine. */
  blobsCacheBytes: number;
  /** The sandbox's own, in the data folder. */
  sandboxDir: string;
  /** The folder for answers that are too long for a reply, inside the data folder. */
  answersDir: string;
  workDir: string;
  /** Folders that an MCP argument may name, the work folder among them. Absolute. */
  allowedDirs: string[];
  /** Relative paths in MCP arguments resolve against this one. */
  baseDir: string;
  /** The working folder's base name, if it is one that the user works in. */
  project: string | null;
  home: string | undefined;
  maxCostUsd: number;
  dailyBudgetUsd: number;
  /** Null: users have no budgets of their own. */
  userBudgetUsd: number | null;
  /** Whether users over HTTP see each other's batches. */
  isShared: boolean;
  /** Null: the person is not asked. */
  askAboveUsd: number | null;
  /** Who is told when a batch has ended; null: nobody. */
  notify: { target: Target; headers: Record<string, string> } | null;
  tierModels: { cheap?: string; capable?: string; premium?: string };
  pricesFile: string | undefined;
  /** The owner's task types; absolute. */
  templatesDir: string | undefined;
  settleSeconds: number;
  /** The rate limit for everyone who shares a database; null: whatever the API accepts. */
  requestsPerMinute: number | null;
  sandboxSeconds: number;
  readOnly: boolean;
  remote: Remote;
  allowNetworkTools: boolean;
  /** `anthropic-beta` values that requests may rely on. */
  betas: string[];
  logLevel: LogLevel;
  /** Credentials from the environment, only to keep them out of everything that is written. */
  secrets: string[];
  /** Settings that are ignored, for the person who configured them. */
  notices: string[];
};

const NO_DATA_FOLDER: Problem = {
  item: settings.dataDir.variable,
  problem: 'is not set, and there is no home folder to keep batches in',
  valid: 'a folder that lasts, as in --data-dir /data',
};

const BLOBS_ALONE: Problem = {
  item: settings.blobs.variable,
  problem:
    'is set without BATCH_MCP_STORE: names and records of what a bucket or a shared folder holds are kept in a database',
  valid: 'BATCH_MCP_STORE=postgres://… beside it, or neither: a data folder holds everything itself',
};

type Surroundings = {
  env: Environment;
  argv: readonly string[];
  /** The working folder; null if it no longer exists. Default: the process's. */
  cwd?: string | null;
  /** The home folder; null if there is none. Default: the process's. */
  home?: string | null;
  /** Whether a program brings its own database. */
  ownDatabase?: boolean;
};

/**
 * Reads the configuration from the environment and the command line; a flag wins over its variable. Reads no file and makes
 * no folder. Throws `invalid_input` with every problem at once.
 */
export function readConfig(surroundings: Surroundings): Config {
  const { env, argv, cwd = currentFolder(), home = homeFolder(), ownDatabase } = surroundings;
  const given = readSettings(env, argv);
  const network = readNetworkVariables(env);
  const reading = createReading(given, { env, cwd, home });
  const { value, optional, refuse } = reading;

  const baseUrl = readBaseUrl(network.set, refuse);
  const folders = readFolders(reading);
  const blobs = readBlobs(reading, network.set, ownDatabase);
  const pricesFile = optional(value(settings.pricesFile));
  const templatesDir = optional(value(settings.templates));
  const http = readHttpConfig(reading, folders.dataDir);
  if (given.problems.length > 0) {
    const message = 'The settings are not valid; nothing was started. --help lists them all.';
    throw new BatchError('invalid_input', message, { problems: given.problems });
  }
  const plain = readPlain(value);
  return {
    ...plain,
    ...folders,
    baseUrl,
    http,
    blobs,
    pricesFile,
    templatesDir,
    home: home ?? undefined,
    secrets: unique([
      ...secretsOfVariables({ ...network.set, PGPASSWORD: env.PGPASSWORD }),
      ...secretsOfNotify(value(settings.notify), value(settings.notifyHeaders) ?? {}),
      ...(plain.store?.secrets ?? []),
      ...(blobs ? secretsOfBlobs(blobs) : []),
    ]),
    notices: [...given.notices, ...network.notices],
  };
}

type Process = { env: Environment; cwd: string | null; home: string | null };

/** What is set, and how paths and problems in it are taken. */
type Reading = Process &
  Pick<SettingValues, 'value' | 'values'> & {
    /** A placeholder for an invalid value; the problems are thrown before it could be used. */
    refuse: (problem: Problem) => string;
    absolute: (given: string) => string;
    optional: (given: string | null) => string | undefined;
  };

function createReading(given: SettingValues, surroundings: Process): Reading {
  const refuse = (problem: Problem) => {
    given.problems.push(problem);
    return '';
  };
  const absolute = (text: string) =>
    pathFrom(text, surroundings) ??
    refuse({
      item: quoteName(text),
      problem: 'there is no folder to resolve it against',
      valid: 'an absolute path',
    });
  const optional = (text: string | null) => (text === null ? undefined : absolute(text));
  return { ...given, ...surroundings, refuse, absolute, optional };
}

/** Resolves a path, with `~` for the home folder; null if its base folder does not exist. */
function pathFrom(given: string, { cwd, home }: Pick<Process, 'cwd' | 'home'>): string | null {
  const isAtHome = /^~(?=$|[/\\])/.test(given);
  const base = isAtHome ? home : cwd;
  const rest = isAtHome ? `.${given.slice(1)}` : given;
  if (base !== null) return path.resolve(base, rest);
  return path.isAbsolute(rest) ? path.normalize(rest) : null;
}

/** The folders of the data and the user's work, and those that an MCP argument may name. */
function readFolders({ value, values, absolute, optional, refuse, env, cwd, home }: Reading) {
  const dataDir = optional(value(settings.dataDir)) ?? defaultDataFolder(home, env) ?? refuse(NO_DATA_FOLDER);
  const workDir = optional(value(settings.workDir)) ?? defaultWorkFolder(home);
  const working = cwd !== null && isWorkingFolder(cwd, home) ? cwd : null;
  const named = values(settings.allowedDirs).map(absolute);
  const allowed = named.length > 0 || working === null ? named : [working];
  const baseIsWorking = working !== null && allowed.some((folder) => isInside(folder, working));
  return {
    dataDir,
    sandboxDir: path.join(dataDir, 'sandbox'),
    answersDir: path.join(dataDir, 'answers'),
    workDir,
    allowedDirs: [...new Set([...allowed, workDir])],
    baseDir: baseIsWorking ? working : workDir,
    project: working === null ? null : path.basename(working),
  };
}

/** Where the bytes of a database's blobs are kept; a problem where there is no database. */
function readBlobs(
  { value, home, refuse }: Reading,
  variables: Readonly<Record<string, string>>,
  ownDatabase = false,
): BlobsAddress | null {
  const given = value(settings.blobs);
  if (given === null) return null;
  const blobs = completeBlobs(given, variables, home, refuse);
  if (value(settings.store) === null && !ownDatabase) refuse(BLOBS_ALONE);
  return blobs;
}

/** The settings that mean what they say, whatever the others are. */
function readPlain(value: SettingValues['value']) {
  const target = value(settings.notify);
  const [cheap, capable, premium] = [settings.modelCheap, settings.modelCapable, settings.modelPremium].map(
    value,
  );
  return {
    provider: value(settings.provider),
    store: value(settings.store),
    blobsCacheBytes: value(settings.blobsCacheMb) * 1_000_000,
    maxCostUsd: value(settings.maxCostUsd),
    dailyBudgetUsd: value(settings.dailyBudgetUsd),
    userBudgetUsd: value(settings.userBudgetUsd),
    isShared: value(settings.shared),
    askAboveUsd: value(settings.askAboveUsd),
    notify: target && { target, headers: value(settings.notifyHeaders) ?? {} },
    tierModels: { ...(cheap && { cheap }), ...(capable && { capable }), ...(premium && { premium }) },
    settleSeconds: value(settings.settleSeconds),
    requestsPerMinute: value(settings.requestsPerMinute),
    sandboxSeconds: value(settings.sandboxSeconds),
    remote: value(settings.remote),
    readOnly: value(settings.readOnly),
    allowNetworkTools: value(settings.allowNetworkTools),
    betas: value(settings.betas) ?? [],
    logLevel: value(settings.logLevel),
  };
}

const unique = (texts: readonly string[]): string[] => [...new Set(texts)].filter((text) => text !== '');
