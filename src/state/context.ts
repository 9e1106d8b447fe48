import type { AllowedFolders } from '../lib/files/allowed-folders.ts';
import type { Deliver } from '../lib/http/deliver.ts';
import type { Log } from '../log.ts';
import type { Dialect } from '../provider/dialect.ts';
import type { ModelCatalog } from '../provider/models.ts';
import type { Provider, ProviderName } from '../provider/provider.ts';
import type { Store } from '../store/store.ts';
import type { Templates } from '../templates/templates.ts';
import type { Jobs } from './jobs.ts';
import type { Subject } from './subject.ts';

/** Sizes and times that bound the work, in one place so that a test can make them small. */
export type Limits = {
  /** Requests in one provider batch. */
  partRequests: number;
  /** Bytes in one provider batch's body. */
  partBytes: number;
  /** From this size on a file of tasks, one per line, is examined on threads: starting them takes a while. */
  threadedBytes: number;
  /** Bytes of tasks given inline. */
  inlineBytes: number;
  /** A call replies after this many milliseconds at the latest, whatever is still going on. */
  callMs: number;
  /** How long a person may take to answer a question. */
  askMs: number;
  /** How long the API may take to answer a create whose body has arrived. */
  answerMs: number;
  /** For how long a busy API is retried within one submission. */
  busyMs: number;
  /** How many times an incomplete download of results is fetched in all. */
  downloads: number;
  /** Before the second download of the same results, in milliseconds; twice as long before the third. */
  downloadPauseMs: number;
  /** How long a worker's lease on a batch lasts unless renewed, in milliseconds: after that others take over. */
  leaseMs: number;
  /**
   * How long a process that shares a database keeps sending without contact to it, in milliseconds; after three times
   * as long others take over its work.
   */
  aliveMs: number;
  /** The longest pause between two looks of workers at a running batch, in milliseconds. */
  longestPauseMs: number;
  /** Characters of a reply's text, below the 20,000 that some clients cut at. */
  replyCharacters: number;
};

/** The provider's own limits, and ours: clients give up a call after 60 seconds or sooner. */
export const defaultLimits = ({ limits }: Pick<Dialect, 'limits'>): Limits => ({
  partRequests: limits.batchRequests,
  partBytes: limits.batchBytes,
  threadedBytes: 8_000_000,
  inlineBytes: 4_000_000,
  callMs: 20_000,
  askMs: 600_000,
  answerMs: 60_000,
  busyMs: 60_000,
  downloads: 3,
  downloadPauseMs: 1_000,
  leaseMs: 60_000,
  aliveMs: 30_000,
  longestPauseMs: 180_000,
  replyCharacters: 18_000,
});

/**
 * Who calls: an agent through MCP, whose calls must be short and whose paths are confined to the allowed folders; or a
 * person at a terminal, or a program, who may wait as long as they like and whose paths are their own.
 */
export type Caller = 'agent' | 'person' | 'program';

const unhurried: Partial<Limits> = {
  inlineBytes: Number.POSITIVE_INFINITY,
  callMs: Number.POSITIVE_INFINITY,
};

/** How each caller's limits differ from the default ones. */
export const callerLimits: Record<Caller, Partial<Limits>> = {
  agent: {},
  person: unhurried,
  program: unhurried,
};

/** The longest that an agent's call waits for a batch's end; longer waits are followed in the background. */
export const LONGEST_WAIT_SECONDS = 20;

export const remotes = ['manage', 'read', 'off'] as const;
export type Remote = (typeof remotes)[number];

/** Everything that the operations work with. `createContext` makes it; the operations read no environment. */
export type Context = {
  readonly store: Store;
  /** The provider that new work goes to. */
  readonly defaultProvider: ProviderName;
  readonly provider: (name: ProviderName) => Provider;
  readonly templates: Templates;
  readonly catalog: ModelCatalog;
  readonly folders: AllowedFolders;
  /** The absolute path of the folder for answers that are too long for a reply, with a folder for each batch. */
  readonly answersFolder: string;
  readonly jobs: Jobs;
  readonly limits: Limits;
  /** Ceiling for the maximum estimate of one submission. */
  readonly maxCostUsd: number;
  /** Ceiling for all submissions of a UTC day in this store. */
  readonly dailyBudgetUsd: number;
  /** Above this maximum a person approves a submission of an agent's first; null: never. */
  readonly askAboveUsd: number | null;
  /** Tells the owner that a batch has ended; null where they don't want to be told. */
  readonly notify: Deliver | null;
  /** How long a sandbox batch takes. */
  readonly sandboxSeconds: number;
  readonly allowNetworkTools: boolean;
  readonly readOnly: boolean;
  /** Who calls over HTTP; null: the store's owner, at a terminal or through a server of their own. */
  readonly subject: Subject | null;
  /** The URL under which a batch's file can be fetched; null where files are written to folders. */
  readonly linkTo: ((batchId: string, name: string) => string) | null;
  /** Whether users over HTTP see each other's batches. */
  readonly isShared: boolean;
  /** Ceiling for each HTTP user's submissions of a UTC day; null: only the one for all together. */
  readonly userBudgetUsd: number | null;
  /** What may be done with batches that another program made. */
  readonly remote: Remote;
  /** The base name of the folder that the user works in, kept with each batch. */
  readonly project: string | null;
  readonly log: Log;
  readonly now: () => Date;
  /** How long this machine has been up, asleep or awake, in milliseconds: a clock that nobody sets. */
  readonly upMs: () => number;
  /** How long a create that was committed late may take to show up in the provider's listing. */
  readonly settleMs: number;
};
