import { Server } from '@modelcontextprotocol/sdk/server/index.js';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import {
  type CallToolResult,
  ErrorCode,
  McpError,
  type ProgressToken,
  type ServerResult,
} from '@modelcontextprotocol/sdk/types.js';
import * as z from 'zod';
import type { Context } from '../state/context.ts';
import { type AdvertisedTool, advertised } from '../tools/advertised.ts';
import type { Call } from '../tools/tool.ts';
import { LenientTransport } from './lenient-transport.ts';
import { StdioTransport } from './stdio-transport.ts';

type Handler = NonNullable<Server['fallbackRequestHandler']>;
type Params = Parameters<Handler>[0]['params'];
type Extra = Parameters<Handler>[1];

type Options = {
  version: string;
  /** Takes keys out of whatever is said. */
  redact: (text: string) => string;
  /** Told of every call, for a starter that lets them be answered before it ends. */
  onCall?: (call: Promise<unknown>) => void;
  /** Told when the client has asked for the tools: the next thing that it asks for is a call. */
  onList?: () => void;
};

/** Only which tool is called matters here: what its arguments are, the tools' own boundary looks at. */
const callParams = z.looseObject({
  name: z.string(),
  arguments: z.unknown().optional(),
  _meta: z.looseObject({ progressToken: z.union([z.string(), z.number()]).optional() }).optional(),
});

/** Takes odd messages from whatever transport it is connected to. */
class LenientServer extends Server {
  override connect(transport: Transport): Promise<void> {
    return super.connect(transport instanceof StdioTransport ? transport : new LenientTransport(transport));
  }
}

/** An MCP server over a context: registers the tools, touches neither environment nor transport. */
export function createServer(context: Context, options: Options): Server {
  return createServerFor({ readOnly: context.readOnly, load: async () => context }, options);
}

/** As `createServer`, over a context that is only made, with all that it needs, when the first call comes. */
export function createServerFor(
  { readOnly, load }: { readOnly: boolean; load: () => Promise<Context> },
  { version, redact, onCall, onList }: Options,
): Server {
  const offered = readOnly ? advertised.readOnly : advertised.all;
  // Arguments are parsed and results shaped at our one boundary, so the plain server serves better than the
  // high-level one, whose own validation would come first and can't name what is wrong.
  const server = new LenientServer(
    { name: 'batch-mcp', version },
    { capabilities: { tools: {} }, instructions: advertised.instructions },
  );

  async function answer(name: string, args: unknown, call: Call): Promise<CallToolResult> {
    const [{ callTool }, context] = await Promise.all([import('../tools/boundary.ts'), load()]);
    return callTool(name, args, context, call, redact);
  }

  const answers = new Map<string, (params: Params, extra: Extra) => ServerResult | Promise<ServerResult>>([
    [
      'tools/list',
      () => {
        onList?.();
        return { tools: offered };
      },
    ],
    [
      'tools/call',
      (params, extra) => {
        const { name, args, progressToken } = callOf(params, offered);
        const progress = progressToken === undefined ? silently : reportTo(extra, progressToken);
        const call = answer(name, args, { signal: extra.signal, progress });
        onCall?.(call);
        return call;
      },
    ],
    // Some clients ask for these whatever a server has declared, and give it up where they are refused.
    ['prompts/list', () => ({ prompts: [] })],
    ['resources/list', () => ({ resources: [] })],
    ['resources/templates/list', () => ({ resourceTemplates: [] })],
    ['logging/setLevel', () => ({})],
  ]);
  server.fallbackRequestHandler = async ({ method, params }, extra) => {
    const known = answers.get(method);
    if (known === undefined) throw new McpError(ErrorCode.MethodNotFound, 'There is no such method');
    return known(params, extra);
  };
  return server;
}

type CalledTool = { name: string; args: unknown; progressToken: ProgressToken | undefined };

/** Throws `InvalidParams` where no tool is named. */
function callOf(params: unknown, offered: readonly AdvertisedTool[]): CalledTool {
  const { name, arguments: args, _meta } = callParams.safeParse(params).data ?? {};
  if (name !== undefined && offered.some((tool) => tool.name === name)) {
    return { name, args, progressToken: _meta?.progressToken };
  }
  const names = offered.map((tool) => tool.name).join(', ');
  const problem = name === undefined ? 'The name of the tool is missing' : 'There is no tool of that name';
  throw new McpError(ErrorCode.InvalidParams, `${problem}. Valid: ${names}`);
}

const silently = async () => {};

const LEAST_STEP = 0.001;

/**
 * Tells a client that asked for it how far a call is. The figure must grow with each notification (MCP, progress): a
 * download that begins anew tells nothing at first, and a new stage is the least step.
 */
function reportTo(extra: Extra, progressToken: ProgressToken): Call['progress'] {
  let reported = { done: -1, message: '' };
  return async (done, total, message) => {
    const least = message === reported.message ? done : reported.done + LEAST_STEP;
    const progress = Math.max(done, least);
    if (progress <= reported.done) return;
    reported = { done: progress, message };
    const params = { progressToken, progress, ...(total !== null && { total }), message };
    await extra.sendNotification({ method: 'notifications/progress', params });
  };
}
