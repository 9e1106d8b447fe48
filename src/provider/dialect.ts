import type { Problem } from '../errors.ts';
import type { JsonObject } from '../lib/json.ts';
import type { Effort, Model, ModelCatalog, ModelTable } from './models.ts';
import type { CountedResult, Result } from './result.ts';

/**
 * A provider's wire in our own words: plain data and functions without a client, so that worker threads have it too.
 * Everything outside `provider/` knows a provider's requests and results only through this.
 */
export type Dialect = {
  readonly name: DialectName;
  readonly limits: DialectLimits;
  /** For how many days after the creation of a batch its results can be fetched. */
  readonly resultsKeptDays: number;
  /** The share of the standard price that a batch costs, as a word. */
  readonly batchShare: string;
  /** The form of the provider's batch ids. */
  readonly batchIds: IdForm;
  /** The form of a request's id within its batch; at most `longest` characters. */
  readonly requestIds: IdForm & { longest: number };
  readonly requests: RequestDialect;
  readonly results: ResultDialect;
  readonly tokens: TokenDialect;
  readonly models: ModelTable;
};

/** A new dialect begins with a name here. */
const dialectNames = ['anthropic'] as const;
export type DialectName = (typeof dialectNames)[number];

/** The most that the provider takes. Bytes are of the text that is sent. */
type DialectLimits = {
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
  /** The parts of a batch's body before, between (one byte) and after its requests. */
  readonly body: { head: string; between: string; tail: string };
  /** A request as it appears in a body. */
  encode(id: string, params: Params): string;
  /** Reads what `encode` wrote; null where it is not a request. */
  decode(text: string): { id: string; params: Params } | null;
  /** A request under another id, otherwise unchanged where possible; null where it is not a request. */
  rename(text: string, id: string): string | null;
  /** Writes one of our requests in the provider's form. */
  render(request: PlainRequest): Params;
  /** The facts that we need to know about params, whoever wrote them. */
  facts(params: Params): RequestFacts;
  /** The params without nulls for absent ones; the same object where there are none. */
  tidy(params: Params): Params;
  /**
   * The problems of params that a caller wrote: the provider itself checks them only while the batch is processed,
   * hours later. Fields are relative to the params.
   */
  check(params: Params, options: CheckOptions): Problem[];
  /** The problems of the images and documents in rendered params: their number and sizes. */
  checkMedia(params: Params, model: Model | undefined): Problem[];
  /** The params with a retry's changes. */
  change(params: Params, change: ParamsChange): ChangedParams;
  /** Params without which there is no request. */
  readonly required: readonly string[];
  /** A JSON Schema in the form that the provider accepts for an answer, and its problems, under `field`. */
  prepareSchema(schema: JsonObject, field?: string): PreparedSchema;
  /** How much a model has to read. */
  size(params: Params): PromptSize;
  /** A request with nothing but one of `PromptSize`'s sources, for the provider to count. */
  readSource(source: string, model: string): Params;
  /** The text of the last turn of the user. */
  prompt(params: Params): string;
  /** All that the model reads, in the order in which the provider caches it. */
  text(params: Params): string;
  /** Identifies the content up to the last cache mark; empty without a mark. */
  cachedText(params: Params): string;
  /** The mark that `render` puts after documents to be cached, as `encode` writes it: nothing else in a request has its form. */
  readonly cacheMark: string;
  /** The rows of a request that several tasks share, as `render` was given them. */
  rowsOf(params: Params): SharedRow[];
  /** The same request with these rows, and with another prompt above them where one is given. */
  withRows(params: Params, rows: readonly SharedRow[], prompt?: string): Params;
};

/** The own content of one of the tasks that share a request, under the id that its answer has to have. */
export type SharedRow = { id: string; text: string; attachment?: Attachment | undefined };

/**
 * How an answer is asked for. `schema` is what is sent; `asked` says everything that the caller's schema does, and
 * identifies the same work; `warnings` explain the differences.
 */
export type PreparedSchema = {
  schema: JsonObject;
  asked: JsonObject;
  /** Whether the provider would refuse it in the caller's form. */
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
  /** Content before the prompt, which other requests share. */
  context?: readonly ContextDocument[] | undefined;
  /** Whether that is marked for the provider to cache for an hour, for other requests to read. */
  cached?: boolean | undefined;
  /** What the prompt is about. */
  attachment?: Attachment | undefined;
  /** The tasks that the prompt is for, where several share the request. */
  rows?: readonly SharedRow[] | undefined;
  /** As `prepareSchema` gave it. */
  output_schema: JsonObject | undefined;
  /** An effort that the model accepts; its own default where left out. */
  effort: Effort | undefined;
};

/** A file other than text, as it is sent along with a prompt. */
export type Attachment = {
  kind: 'pdf' | 'image';
  media_type: string;
  /** Base64. */
  data: string;
};

/** A document at the beginning of many requests; `sha256` is of its text or its base64. */
export type ContextDocument = { name: string; sha256: string } & (
  | { text: string }
  | { attachment: Attachment }
);

/** Null where the params do not say, or say it in an invalid way. */
export type RequestFacts = {
  model: string | null;
  max_tokens: number | null;
  /** Where the answer was asked for as JSON: the schema, and the field that holds it. */
  answer_schema: { schema: JsonObject; field: string } | null;
  /** The requested region, where it affects the price. */
  inference_geo: string | null;
  effort: Effort | null;
  /** Whether the model should think; null where that is left to it. */
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
  /** Null leaves the effort to the model. */
  effort: Effort | null | undefined;
  /** Replaces the text of the last user turn; files beside it stay. */
  prompt: string | undefined;
  system: string | undefined;
  /** As `prepareSchema` gave it. */
  output_schema: JsonObject | undefined;
  /** Names of params to leave out; dots reach into objects. */
  remove: readonly string[];
  /** Where the answer was cut off: doubles the tokens, up to `limitOf` the model. */
  longer: { limitOf: (model: string) => number | undefined } | null;
};

/** `removed` names the params that were actually removed; `atLimit`: the answer can't get any longer. */
export type ChangedParams = { params: Params; removed: string[]; atLimit: boolean };

/** How much a model has to read, in bytes of text; other content counts as the bytes of text with about as many tokens. */
export type PromptSize = {
  bytes: number;
  /**
   * The most tokens that it can take on a model whose `token_factor` is 1, whatever its script; infinite where it
   * names something that only the provider can read, which only the model's context bounds.
   */
  most_tokens: number;
  /** Its sources that the provider can count, and the most tokens of the rest; null where there are none, or where that gives no bound. */
  outside: Outside | null;
  /** How many of these the provider's own tools may bring in while answering: no count of the request includes them. */
  added_tokens: number;
  /** Bytes up to the last cache mark, 0 where there is none; and for how long they are cached. */
  cached_bytes: number;
  cache_ttl: '5m' | '1h';
  /** Whether it has images or PDFs, whose tokens are little more than a guess. */
  has_media: boolean;
  /** Web searches that one request may make at most; null where it sets no bound. */
  searches: number | null;
};

/** Files and URLs that only the provider can read, each as a text that identifies it. */
export type Outside = { sources: readonly string[]; rest_tokens: number };

/** Counts tokens without asking the provider. */
type TokenDialect = {
  /** Immediately and without memory, from a text's shape. */
  estimate: CountTokens;
  /** With a vocabulary, which has to be loaded. */
  load(): Promise<CountTokens>;
};

/** The approximate tokens of a text for a model whose `token_factor` is 1. */
export type CountTokens = (text: string) => number;

/** How the lines of a results file are read. */
type ResultDialect = {
  /** The countable facts of a line, without reading the answer's content; null where it is not a result. */
  count(line: Buffer): CountedResult | null;
  /** Everything in a line; null where it is not a result. `parse` reads JSON; `JSON.parse` where left out. */
  read(line: string, parse?: (text: string) => unknown): Result | null;
  /**
   * The same for a line whose answer is a single non-empty text, with `standIn` instead of that text, which is not
   * decoded; null for any other line.
   */
  readAround(line: Buffer, standIn: string): AroundText | null;
  /** A line that replaces one that was not kept, and says why; null where neither its head nor its tail has its id. */
  unread(head: string, tail: string, why: string): string | null;
  /** The line of one of the tasks that shared a request, made from the request's line. */
  share(line: string, share: ResultShare): string;
};

/** A successful result, and the text of its answer as JSON, exactly as `JSON.stringify` would write it. */
export type AroundText = { result: Result; text: Uint8Array };

/** One of the tasks that shared a request. */
export type ResultShare = {
  /** The task's. */
  id: string;
  /** Its index among how many: usage is divided into whole tokens, which add up to the total. */
  index: number;
  of: number;
  /** Its answer, or why there is none; null where it has the request's outcome. */
  said: { text: string } | { problem: string } | null;
};
