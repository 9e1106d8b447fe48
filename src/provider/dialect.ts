import type { Problem } from '../errors.ts';
import type { JsonObject } from '../lib/json.ts';
import type { Effort, Model, ModelCatalog, ModelTable } from './models.ts';
import type { CountedResult, Result } from './result.ts';

/**
 * A provider's wire in our own words: plain data and functions without a client, so that worker threads have it too.
 * Everything outside `provider/` knows a provider's requests and results through this alone.
 */
export type Dialect = {
  readonly name: DialectName;
  readonly limits: DialectLimits;
  /** Results can be fetched for so many days after their batch was created. */
  readonly resultsKeptDays: number;
  /** How much of the standard price a batch costs, in a word. */
  readonly batchShare: string;
  /** What a batch is called by the provider. */
  readonly batchIds: IdForm;
  /** What a request may be called within its batch; no more than `longest` characters. */
  readonly requestIds: IdForm & { longest: number };
  readonly requests: RequestDialect;
  readonly results: ResultDialect;
  readonly tokens: TokenDialect;
  readonly models: ModelTable;
};

/** Another dialect begins with a name here. */
const dialectNames = ['anthropic'] as const;
export type DialectName = (typeof dialectNames)[number];

/** The most that the provider takes. Bytes are of the text that is sent. */
export type DialectLimits = {
  batchRequests: number;
  batchBytes: number;
  requestBytes: number;
};

/** The form of an id: anchored, in words, and as a reader would know it. */
export type IdForm = { pattern: RegExp; valid: string; example: string };

/** The body of one request in the provider's own form: only a dialect looks into it. */
export type Params = Readonly<Record<string, unknown>>;

/** How requests are written, and what may be in them. */
export type RequestDialect = {
  /** What stands in a batch's body before, between (one byte) and behind its requests. */
  readonly body: { head: string; between: string; tail: string };
  /** A request as a body holds it. */
  encode(id: string, params: Params): string;
  /** What `encode` wrote; null for what is no request. */
  decode(text: string): { id: string; params: Params } | null;
  /** A request under another id, all else as it stands where that can be; null for what is no request. */
  rename(text: string, id: string): string | null;
  /** A request of ours as the provider takes it. */
  render(request: PlainRequest): Params;
  /** What has to be known of params, whoever wrote them. */
  facts(params: Params): RequestFacts;
  /** The params as they are meant: without nulls for what is not given. The same object where they are that. */
  tidy(params: Params): Params;
  /**
   * What is wrong with params that a caller wrote: the provider itself looks at them only while the batch is
   * processed, hours later. Fields are relative to the params.
   */
  check(params: Params, options: CheckOptions): Problem[];
  /** What is wrong with the images and documents of params that were rendered: how many they are, and how large. */
  checkMedia(params: Params, model: Model | undefined): Problem[];
  /** The params as a retry sends them. */
  change(params: Params, change: ParamsChange): ChangedParams;
  /** Params without which there is no request. */
  readonly required: readonly string[];
  /** A JSON Schema as the provider takes it for an answer, and what is wrong with it, under `field`. */
  prepareSchema(schema: JsonObject, field?: string): PreparedSchema;
  /** How much a model has to read. */
  size(params: Params): PromptSize;
  /** A request of nothing but one of `PromptSize`'s sources, for the provider to count. */
  readSource(source: string, model: string): Params;
  /** The text of the last turn of the user. */
  prompt(params: Params): string;
  /** What it reads, in the order in which the provider caches it. */
  text(params: Params): string;
  /** What tells its beginning up to the last mark of what is to be cached from another one; empty without a mark. */
  cachedText(params: Params): string;
  /** The mark that `render` puts behind documents that are to be cached, as `encode` writes it: nothing else there has its form. */
  readonly cacheMark: string;
  /** The rows of a request that several tasks share, as `render` was given them. */
  rowsOf(params: Params): SharedRow[];
  /** The same request with these rows, and with another prompt over them where it is given. */
  withRows(params: Params, rows: readonly SharedRow[], prompt?: string): Params;
};

/** What one of the tasks that share a request has for itself, under the id that its answer is to have. */
export type SharedRow = { id: string; text: string; attachment?: Attachment | undefined };

/**
 * How an answer is asked for. `schema` is what is sent; `asked` says all that the caller's does, by which the same work is found
 * again; `warnings` tell the two apart.
 */
export type PreparedSchema = {
  schema: JsonObject;
  asked: JsonObject;
  /** Whether the provider would refuse it as it was given. */
  isRefused: boolean;
  warnings: string[];
  problems: Problem[];
};

/** One prompt, and how it is to be answered. */
export type PlainRequest = {
  model: string;
  max_tokens: number;
  /** Empty where there is none. */
  system: string;
  prompt: string;
  /** What stands before the prompt, and before that of other requests too. */
  context?: readonly ContextDocument[] | undefined;
  /** Whether that is marked to be kept by the provider, for an hour, for other requests to read. */
  cached?: boolean | undefined;
  /** What the prompt is about. */
  attachment?: Attachment | undefined;
  /** The tasks that the prompt is for, where several share the request. */
  rows?: readonly SharedRow[] | undefined;
  /** As `prepareSchema` gave it. */
  output_schema: JsonObject | undefined;
  /** One that the model takes; its own where it is left out. */
  effort: Effort | undefined;
};

/** A file that is no text, as it is sent along with one. */
export type Attachment = {
  kind: 'pdf' | 'image';
  media_type: string;
  /** Base64. */
  data: string;
};

/** A document that many requests have in front; `sha256` is of its text or its base64. */
export type ContextDocument = { name: string; sha256: string } & (
  | { text: string }
  | { attachment: Attachment }
);

/** Null is what the params do not say, or say wrongly. */
export type RequestFacts = {
  model: string | null;
  max_tokens: number | null;
  /** Where the answer was asked for as JSON: the schema, and the field in which it stands. */
  answer_schema: { schema: JsonObject; field: string } | null;
  /** Where it is to be computed, as far as that changes the price. */
  inference_geo: string | null;
  effort: Effort | null;
  /** Whether it is to think; null where it is left to the model. */
  thinks: boolean | null;
};

export type CheckOptions = {
  allowNetworkTools: boolean;
  catalog: Pick<ModelCatalog, 'find' | 'ids' | 'options'>;
};

/** How a request is changed before it is sent again. */
export type ParamsChange = {
  model: Model | undefined;
  max_tokens: number | undefined;
  /** Null leaves it to the model. */
  effort: Effort | null | undefined;
  /** The text of the last turn of the user, in place of the one that was sent; files beside it stay. */
  prompt: string | undefined;
  system: string | undefined;
  /** As `prepareSchema` gave it. */
  output_schema: JsonObject | undefined;
  /** Names of params to leave out; dots reach into objects. */
  remove: readonly string[];
  /** Where the answer was cut off: twice as many tokens, up to what `limitOf` says of the model. */
  longer: { limitOf: (model: string) => number | undefined } | null;
};

/** `removed` names what was there to be left out; `atLimit`: the answer can't get longer. */
export type ChangedParams = { params: Params; removed: string[]; atLimit: boolean };

/**
 * How much a model has to read, in bytes of text; what is no text is put down as the bytes of text that take
 * about as many tokens.
 */
export type PromptSize = {
  bytes: number;
  /**
   * The most tokens that it takes on a model whose `token_factor` is 1, whatever its script; infinite where it names something
   * that only the provider can read, which the model's context alone bounds.
   */
  most_tokens: number;
  /** What it names that the provider can count, and the most tokens of all else; null where there is none, or where that is no bound. */
  outside: Outside | null;
  /** Of these, what the provider's own tools may bring while it is answered: no count of the request holds them. */
  added_tokens: number;
  /** Bytes up to the last mark of what is to be cached, 0 where there is none; and for how long that is kept. */
  cached_bytes: number;
  cache_ttl: '5m' | '1h';
  /** Whether images or PDFs are in it, whose tokens are little more than a guess. */
  has_media: boolean;
  /** Web searches that one request may make at most; null where it sets no bound. */
  searches: number | null;
};

/** Files and addresses that only the provider reads, each as a text that is the same for the same one. */
export type Outside = { sources: readonly string[]; rest_tokens: number };

/** Counts tokens without asking the provider. */
export type TokenDialect = {
  /** At once and in no memory, by a text's shape. */
  estimate: CountTokens;
  /** By a vocabulary, which has to be loaded. */
  load(): Promise<CountTokens>;
};

/** The tokens of a text for a model whose `token_factor` is 1, about. */
export type CountTokens = (text: string) => number;

/** How the lines of a results file are read. */
export type ResultDialect = {
  /** What is counted of a line, its answer's content left unread; null where it is no result. */
  count(line: Buffer): CountedResult | null;
  /** All that a line holds; null where it is no result. `parse` reads JSON, as `JSON.parse` does where it is left out. */
  read(line: string, parse?: (text: string) => unknown): Result | null;
  /**
   * The same of a line whose answer is one text that says something, with `standIn` in place of that text, which is not
   * decoded; null for any other.
   */
  readAround(line: Buffer, standIn: string): AroundText | null;
  /** A line that stands for one that was not kept, and says why; null where neither its head nor its tail has its id. */
  unread(head: string, tail: string, why: string): string | null;
  /** The line of one of the tasks that shared a request, made of the request's own. */
  share(line: string, share: ResultShare): string;
};

/** A result that is a success, and the text of its answer as JSON, just as `JSON.stringify` would write it. */
export type AroundText = { result: Result; text: Uint8Array };

/** One of the tasks that shared a request. */
export type ResultShare = {
  /** The task's. */
  id: string;
  /** Which of how many it was: what was used is shared out in whole tokens, which add up to all of it. */
  index: number;
  of: number;
  /** What it was answered, or why it was not; null where it fares as the request did. */
  said: { text: string } | { problem: string } | null;
};
