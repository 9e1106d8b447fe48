import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { z } from 'zod';

const answer = z.looseObject({
  result: z
    .looseObject({
      isError: z.boolean().optional(),
      content: z.array(z.looseObject({ text: z.string() })),
      structuredContent: z.record(z.string(), z.any()).optional(),
    })
    .optional(),
});

/** A replica in a process of its own, which can be killed or stopped at any moment. */
export type Replica = {
  /** Calls a tool as the user of a token. Throws an error with what the tool says, or how the call broke off. */
  call(token: string, tool: string, args: object): Promise<Record<string, any>>;
  /** Does nothing where it has ended. */
  signal(name: NodeJS.Signals): void;
  close(): Promise<void>;
};

const CALL_MS = 60_000;
const TRIES = 3;

/** Resolves when it listens; tried again where it ends before, as without a database. */
export async function startReplica(script: string, env: Readonly<Record<string, string>>): Promise<Replica> {
  for (let tries = 1; ; tries += 1) {
    const child = spawn(process.execPath, [script], { env, stdio: ['ignore', 'pipe', 'inherit'] });
    const ended = once(child, 'close');
    const line = once(createInterface({ input: child.stdout }), 'line').then(([first]) => String(first));
    const address = await Promise.race([line, ended.then(() => null)]);
    if (address === null && tries < TRIES) continue;
    if (address === null) throw new Error('a replica ended before it listened');
    const signal = (name: NodeJS.Signals) => void child.kill(name);
    return {
      signal,
      call: (token, tool, args) => callOver(address, token, tool, args),
      async close() {
        signal('SIGTERM');
        await ended;
      },
    };
  }
}

async function callOver(address: string, token: string, name: string, args: object) {
  const response = await fetch(`${address}/mcp`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      accept: 'application/json',
      authorization: `Bearer ${token}`,
    },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name, arguments: args } }),
    signal: AbortSignal.timeout(CALL_MS),
  });
  const text = await response.text();
  // Node's own word on a request that it took too long to read, as of a process that was frozen meanwhile.
  if (text === '') throw new Error(`${name}: ${response.status} without a word`);
  const { result } = answer.parse(JSON.parse(text));
  if (result === undefined) throw new Error(`${name}: ${response.status} ${text}`);
  if (result.isError) throw new Error(`${name}: ${result.content.map((each) => each.text).join(' ')}`);
  return result.structuredContent ?? {};
}
