import type { Result } from '@modelcontextprotocol/sdk/types.js';
import * as z from 'zod';
import type { Context } from '../state/context.ts';
import type { Following } from '../state/jobs.ts';
import type { Ask } from '../state/questions.ts';
import { type AdvertisedTool, advertised } from '../tools/advertised.ts';
import type { Call } from '../tools/tool.ts';
import { type Asking, askApart, type Carry, createQuestions } from './asking.ts';
import { errorCodes, followsNoTasks, noSuchMethod, ProtocolError } from './protocol.ts';
import type { CallTool } from './resources.ts';
import { createTasks, type Look, outlastsCall } from './tasks.ts';
import { promisingText, textAlone } from './text-only-clients.ts';

/** The icon that clients show next to the server's name: three stacked sheets. */
const svg =
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" fill="none" stroke="#c6613f" stroke-width="2" ' +
  'stroke-linejoin="round"><path d="M12 3 3 8l9 5 9-5z"/><path d="m3 12 9 5 9-5"/><path d="m3 16 9 5 9-5"/></svg>';

const icons = [
  {
    src: `data:image/svg+xml;base64,${Buffer.from(svg).toString('base64')}`,
    mimeType: 'image/svg+xml',
    sizes: ['any'],
  },
];

/** The sender of a request and what it can do, which the two eras of the protocol express differently. */
export type Client = {
  /** Aborted when the client cancels the request. */
  signal: AbortSignal;
  /** Whether a result may be a task, which the client then follows on its own. */
  followsTasks: boolean;
  /** Whether a result may hold links to files next to its text. */
  takesLinks: boolean;
  /** Whether its model would see both a reply's text and its structured content, which say the same. */
  showsBoth: boolean;
  /** Absent if the client can't show a person a form. */
  ask?: Ask | undefined;
  /** Sends `notifications/progress`. */
  progress(params: Progress): Promise<void>;
};

type ProgressToken = string | number;
type Progress = { progressToken: ProgressToken; progress: number; total?: number; message: string };

/** Everything that a client can ask for, in either era. */
export type Methods = {
  readonly info: { name: string; title: string; version: string; icons: typeof icons };
  readonly capabilities: { tools: object; resources: object; prompts: object };
  readonly instructions: string;
  /** The question that a request of the new era may ask, over all requests of one client. */
  readonly questionOf: (params: unknown) => Asking;
  /** The question that a request of the old era may ask if the answer arrives over another connection. */
  readonly askApart: (carry: Carry, signal: AbortSignal) => Ask;
  /** Rejects with a `ProtocolError` if there is no such method or its params are incomplete. */
  readonly answer: (method: string, params: unknown, client: Client) => Promise<Result>;
};

export type Options = {
  version: string;
  /** Takes keys out of every text that goes out. */
  redact: (text: string) => string;
  /** Receives the work of each request, so that a starter can let it be answered before it ends. */
  onWork?: (work: Promise<unknown>) => void;
  /** The terminal's command that ends when the batch has ended. */
  waitFor?: (batchId: string) => string;
  /** Called when the client has asked for the tools; its next request is then a call. */
  onList?: () => void;
};

/** What answers requests: the context and everything it needs are loaded only at the first call. */
export type Source = {
  readOnly: boolean;
  /** Whether a tool is offered to this caller. Default: all are. */
  isOffered?: (tool: string) => boolean;
  load: () => Promise<Context>;
};

// Loaded late: the list of tools, which a client waits for, does without them.
const prompts = () => import('./prompts.ts');
const resources = () => import('./resources.ts');

type Answer = (params: unknown, client: Client) => Result | Promise<Result>;

/** The methods over a source. Knows neither era, and touches neither the environment nor a transport. */
export function createMethods({ readOnly, isOffered = () => true, load }: Source, options: Options): Methods {
  const { version, redact, onWork } = options;
  const offered = (readOnly ? advertised.readOnly : advertised.all).filter(({ name }) => isOffered(name));
  const callTool: CallNamed = async (name, args, call) => {
    const [boundary, context] = await Promise.all([import('../tools/boundary.ts'), load()]);
    return boundary.callTool(name, args, context, call, redact);
  };
  const answers = new Map<string, Answer>([
    ['ping', () => ({})],
    ...toolMethods(offered, callTool, load, options),
    ['prompts/list', async () => ({ prompts: (await prompts()).listPrompts(readOnly) })],
    ['prompts/get', async (params) => (await prompts()).getPrompt(params, readOnly)],
    ...resourceMethods(callTool, load),
    // Some clients send this whatever a server declares, and give up on it if refused.
    ['logging/setLevel', () => ({})],
  ]);
  return {
    info: { name: 'batch-mcp', title: 'Bulk work for Claude', version, icons },
    capabilities: { tools: {}, resources: {}, prompts: {} },
    instructions: advertised.instructions,
    questionOf: createQuestions(load),
    askApart: (carry, signal) => askApart(load, carry, signal),
    async answer(method, params, client) {
      const known = answers.get(method);
      if (known === undefined) throw noSuchMethod();
      const answer = Promise.resolve(known(params, client));
      onWork?.(answer);
      return answer;
    },
  };
}

type CallNamed = (name: string, args: unknown, call: Call) => Promise<Result>;

/** The methods of tools, and of the tasks that a call of one may become. */
function toolMethods(
  offered: readonly AdvertisedTool[],
  callTool: CallNamed,
  load: Source['load'],
  { onList, waitFor }: Options,
): [string, Answer][] {
  function followingOf({ followsTasks }: Client): Following | undefined {
    if (followsTasks) return { kind: 'task' };
    return waitFor && { kind: 'command', waitFor };
  }
  async function isThere(batchId: string): Promise<boolean> {
    const [batches, context] = await Promise.all([import('../operations/find-batch.ts'), load()]);
    return batches.isThere(context, context.jobs.forwarded(batchId));
  }
  const tasks = createTasks((batch_id, signal) => lookAt({ batch_id }, signal, callTool), isThere);
  return [
    [
      'tools/list',
      (_params, { showsBoth }) => {
        onList?.();
        return { tools: showsBoth ? promisingText(offered) : offered };
      },
    ],
    [
      'tools/call',
      async (params, client) => {
        const { name, args, progressToken } = callOf(params, offered);
        const { signal, followsTasks, ask } = client;
        const outlasting = name === 'batch_status' && followsTasks ? outlastsCall(args) : null;
        if (outlasting !== null) return tasks.begin(await lookAt(outlasting, signal, callTool));
        const progress = progressToken === undefined ? silently : reportTo(client, progressToken);
        const call = { signal, progress, ask, following: followingOf(client) };
        const whole = await callTool(name, args, call);
        const result = client.showsBoth ? textAlone(whole) : whole;
        return client.takesLinks ? (await resources()).withLinks(result) : result;
      },
    ],
    ['tasks/get', followed((params, { signal }) => tasks.get(params, signal))],
    ['tasks/cancel', followed((params) => tasks.cancel(params))],
    ['tasks/update', followed((params) => tasks.update(params))],
  ];
}

/** A look at a batch that does not wait. */
async function lookAt(args: object, signal: AbortSignal, callTool: CallNamed): Promise<Look> {
  let isOver = false;
  const onOver = () => {
    isOver = true;
  };
  const call: Call = { signal, progress: silently, following: { kind: 'task' }, onOver };
  return { result: await callTool('batch_status', { ...args, wait_seconds: 0 }, call), isOver };
}

function resourceMethods(callTool: CallNamed, load: Source['load']): [string, Answer][] {
  const reader =
    (signal: AbortSignal): CallTool =>
    (name, args) =>
      callTool(name, args, { signal, progress: silently });
  return [
    ['resources/list', async (_params, { signal }) => (await resources()).listResources(reader(signal))],
    ['resources/templates/list', async () => ({ resourceTemplates: (await resources()).resourceTemplates })],
    [
      'resources/read',
      async (params, { signal }) => (await resources()).readResource(params, reader(signal), load),
    ],
  ];
}

/** A method of the tasks extension, only for clients that declare it. */
const followed =
  (answer: Answer): Answer =>
  (params, client) => {
    if (client.followsTasks) return answer(params, client);
    throw followsNoTasks();
  };

/** Only which tool is called matters here; the tools' own boundary checks the arguments. */
const callParams = z.looseObject({
  name: z.string(),
  arguments: z.unknown().optional(),
  _meta: z.looseObject({ progressToken: z.union([z.string(), z.number()]).optional() }).optional(),
});

type CalledTool = { name: string; args: unknown; progressToken: ProgressToken | undefined };

/** Throws `invalidParams` if no known tool is named. */
function callOf(params: unknown, offered: readonly AdvertisedTool[]): CalledTool {
  const { name, arguments: args, _meta } = callParams.safeParse(params).data ?? {};
  if (name !== undefined && offered.some((tool) => tool.name === name)) {
    return { name, args, progressToken: _meta?.progressToken };
  }
  const names = offered.map((tool) => tool.name).join(', ');
  const problem = name === undefined ? 'The name of the tool is missing' : 'There is no tool of that name';
  throw new ProtocolError(errorCodes.invalidParams, `${problem}. Valid: ${names}`);
}

const silently = async () => {};

const LEAST_STEP = 0.001;

/**
 * Reports a call's progress to a client that asked for it. The figure must grow with each notification (MCP, progress), so
 * a download that starts over reports nothing at first, and a new stage counts as the smallest step.
 */
function reportTo(client: Client, progressToken: ProgressToken): Call['progress'] {
  let reported = { done: -1, message: '' };
  return async (done, total, message) => {
    const least = message === reported.message ? done : reported.done + LEAST_STEP;
    const progress = Math.max(done, least);
    if (progress <= reported.done) return;
    reported = { done: progress, message };
    await client.progress({ progressToken, progress, ...(total !== null && { total }), message });
  };
}
