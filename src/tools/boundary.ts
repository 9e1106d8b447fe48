import type { CallToolResult } from '@modelcontextprotocol/sdk/types.js';
import { BatchError, renderError } from '../errors.ts';
import { ExactNumber, parseExact, stringifyExact } from '../lib/exact-json.ts';
import { isDeeper, isJsonObject, MOST_LEVELS } from '../lib/json.ts';
import type { Context } from '../state/context.ts';
import { asMeant } from './as-meant.ts';
import { audit, type End } from './audit.ts';
import { tools } from './index.ts';
import type { Call, Tool } from './tool.ts';

/** Some clients cut or refuse longer texts. */
const LONGEST_TEXT = 20_000;

/**
 * Runs a tool and turns its reply or error into an MCP result: a reply as structured content and as text, since some
 * clients show one and some the other; an error only as text. `redact` removes keys from what is said, not from what
 * is passed on.
 */
export async function callTool(
  name: string,
  given: unknown,
  context: Context,
  call: Call,
  redact: (text: string) => string,
): Promise<CallToolResult> {
  const tool = tools.find((each) => each.name === name);
  if (tool === undefined) throw new Error(`there is no tool ${name}`);
  const { args, ...end } = await endOf(tool, given, context, call);
  await audit(context, tool, args, end);
  const refuse = (error: unknown): CallToolResult => {
    const text = cut(redact(errorText(tool, error, context)));
    return { content: [{ type: 'text', text }], isError: true };
  };
  if ('error' in end) return refuse(end.error);
  const text = stringifyExact(withoutSecrets(end.reply, redact));
  if (text.length > LONGEST_TEXT) return refuse(tooLong(tool));
  const { value } = parseExact(text);
  return { content: [{ type: 'text', text }], ...(isJsonObject(value) && { structuredContent: value }) };
}

/** Fields of replies with messages, which may quote the API or the system. */
const SAID = new Set(['warnings', 'next_step', 'message', 'problem', 'suggestion', 'advice']);
/** Fields that pass on the caller's or the model's own content unchanged. */
const PASSED_ON = new Set(['text', 'json', 'content', 'tool_calls', 'details', 'row', 'values', 'preview']);

/** A reply with keys removed from its messages; ids, counts and answers stay unchanged. */
function withoutSecrets(value: unknown, redact: (text: string) => string, isSaid = false): unknown {
  if (typeof value === 'string') return isSaid ? redact(value) : value;
  if (Array.isArray(value)) return value.map((each) => withoutSecrets(each, redact, isSaid));
  if (!isJsonObject(value) || value instanceof ExactNumber) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, each]) => [
      key,
      PASSED_ON.has(key) ? each : withoutSecrets(each, redact, isSaid || SAID.has(key)),
    ]),
  );
}

/** How a call ended, and the arguments as they were read. */
async function endOf(
  tool: Tool,
  given: unknown,
  context: Context,
  call: Call,
): Promise<End & { args: unknown }> {
  let args: unknown = {};
  try {
    const meant = asMeant(given, tool.inputSchema);
    args = meant.args;
    const reply = await tool.run(args, context, call);
    return { args, reply: { ...reply, warnings: [...meant.notes, ...reply.warnings] } };
  } catch (error) {
    return { args, error: isOverflow(error) && isTooDeep(given) ? tooDeep(tool) : error };
  }
}

const isOverflow = (error: unknown): boolean =>
  error instanceof RangeError && error.message.includes('call stack');

/** Whether arguments are nested too deep to walk through, also as JSON in a text. */
function isTooDeep(given: unknown): boolean {
  const meant = inText(given);
  const values = isJsonObject(meant) ? Object.values(meant) : [];
  return [meant, ...values].some((each) => isDeeper(inText(each), MOST_LEVELS));
}

function inText(given: unknown): unknown {
  if (typeof given !== 'string') return given;
  try {
    return JSON.parse(given);
  } catch {
    return given;
  }
}

function tooDeep({ name }: Tool): BatchError {
  const problem = `are nested more than ${MOST_LEVELS} levels deep`;
  return new BatchError('invalid_input', `The arguments of ${name} cannot be read; nothing was done.`, {
    problems: [{ item: 'arguments', problem, valid: 'flatter ones' }],
  });
}

function tooLong({ name }: Tool): BatchError {
  const message = `The reply of ${name} was too long. Ask for less: a smaller limit, or an output_file.`;
  return new BatchError('internal', message);
}

/** An error may name paths and keys that are too long themselves; what matters comes first. */
function cut(text: string): string {
  return text.length < LONGEST_TEXT ? text : `${text.slice(0, LONGEST_TEXT - 2).toWellFormed()}…`;
}

/** Where the store is, and what ails it, is for whoever runs the server: what users over HTTP are told instead. */
const TOLD_USERS = new Map<string, string>([
  [
    'store_failed',
    'What the batches are kept in cannot be reached, or is out of order. Nothing new is sent meanwhile, and what was sent is looked ' +
      'after when it is back: try again in a minute. If it persists, tell whoever runs the server: its log says why.',
  ],
  [
    'store_damaged',
    'What is kept of this is damaged, and was left as it is. Tell whoever runs the server: its log says what.',
  ],
]);

function errorText(tool: Tool, error: unknown, context: Context): string {
  if (error instanceof BatchError) {
    const told = context.subject === null ? undefined : TOLD_USERS.get(error.code);
    if (told === undefined) context.log('info', `${tool.name}: ${error.code}`);
    else context.log('warn', `${tool.name}: ${error.code}: ${renderError(error)}`);
    return `${error.code}: ${told ?? renderError(error)}`;
  }
  // Its message may hold anything, even a user's content: it goes to the log, at a level that is off by default.
  context.log('error', `${tool.name}: a fault of this server's own`);
  context.log('debug', error instanceof Error ? (error.stack ?? error.message) : String(error));
  return (
    'internal: This is a fault of the server itself, not of the arguments. Nothing is lost: list_batches shows what was ' +
    'submitted. Call again; if it persists, ask the person to start the server with BATCH_MCP_LOG_LEVEL=debug and report what it logs.'
  );
}
