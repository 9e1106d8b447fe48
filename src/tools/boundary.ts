import type { CallToolResult } from '@modelcontextprotocol/sdk/types.js';
import { BatchError, renderError } from '../errors.ts';
import type { Context } from '../state/context.ts';
import { asMeant } from './as-meant.ts';
import { audit } from './audit.ts';
import { tools } from './index.ts';
import type { Call, Tool } from './tool.ts';

/** Some clients cut, or refuse, a longer text. */
const LONGEST_TEXT = 20_000;

/**
 * Runs one of the tools and turns what it returns or throws into what MCP sends: the same facts as structured content
 * and as text, for some clients show one and some the other; of an error only the text. `redact` takes keys
 * out of whatever is said.
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
  let args = given;
  try {
    const meant = asMeant(given, tool.inputSchema);
    args = meant.args;
    const told = await tool.run(args, context, call);
    const reply = { ...told, warnings: [...meant.notes, ...told.warnings] };
    await audit(context, tool, args, { reply });
    const text = redact(JSON.stringify(reply));
    if (text.length > LONGEST_TEXT) {
      throw new BatchError(
        'internal',
        `The reply of ${tool.name} got too long. Ask for less: a smaller limit, or an output_file.`,
      );
    }
    return { content: [{ type: 'text', text }], structuredContent: JSON.parse(text) };
  } catch (error) {
    await audit(context, tool, args, { error });
    const text = cut(redact(errorText(tool, error, context)));
    return { content: [{ type: 'text', text }], isError: true };
  }
}

/** An error may name paths and keys that are themselves too long; what matters stands first. */
function cut(text: string): string {
  return text.length < LONGEST_TEXT ? text : `${text.slice(0, LONGEST_TEXT - 2).toWellFormed()}…`;
}

function errorText(tool: Tool, error: unknown, context: Context): string {
  if (error instanceof BatchError) {
    context.log('info', `${tool.name}: ${error.code}`);
    return `${error.code}: ${renderError(error)}`;
  }
  // Its message may hold anything, a user's content too: it is for the log, at a level that is off by default.
  context.log('error', `${tool.name}: a fault of this server's own`);
  context.log('debug', error instanceof Error ? (error.stack ?? error.message) : String(error));
  return (
    'internal: This is a fault of the server itself, not of the arguments. Nothing is lost: list_batches shows what was ' +
    'submitted. Call again; if it stays, ask the person to start the server with BATCH_MCP_LOG_LEVEL=debug and report what it logs.'
  );
}
