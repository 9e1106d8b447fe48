export type SoakOptions = {
  folder: string;
  batches: number;
  processes: number;
  /** Percent of all requests to the API that go wrong. */
  faults: number;
  /** How often a process is killed, or stopped for a while, in milliseconds on average. */
  killEveryMs: number;
  /** Of what happens by chance; when it meets what, no seed decides. */
  seed: number;
  /** Told how many batches are done. */
  onDone?: (done: number) => void;
};

export type SoakReport = {
  tasks: number;
  kills: number;
  stops: number;
  /** Looks of servers that must send nothing. */
  bystanders: number;
  /** How often a person had to say which of the API's batches is ours. */
  resolved: number;
  /** Of these, how often there was none. */
  sentAgain: number;
  foreignBatches: number;
  paidBatches: number;
  paidTasks: number;
  /** What was paid more than once, has not exactly one right answer, is wrong in the budget, or never ends. */
  problems: string[];
};

/** More sizes than batches under way, and some above the 60 requests of a part. */
const SIZES = 97;
export const idsOf = (batch: number) =>
  Array.from({ length: 1 + ((batch * 37) % SIZES) }, (_, n) => `b${batch}-t${n + 1}`);

export const env = { BATCH_MCP_SETTLE_SECONDS: '0.3', BATCH_MCP_DAILY_BUDGET_USD: '100000' };
