import * as z from 'zod';
import type { Target } from '../lib/http/deliver.ts';
import { secretsOfHeaders, secretsOfRoute } from '../lib/http/secret-headers.ts';
import type { ValueType } from './define-setting.ts';

const URL_FORM =
  'an address such as https://hooks.example.com/batches, its secrets in BATCH_MCP_NOTIFY_HEADERS';
const COMMAND_FORM =
  'a program, by its name or by a path that begins with /, ./ or ~/, or a JSON array of it and its arguments, as ["notify-send", "a batch has ended"]';

const withoutNul = (text: string) => !text.includes('\0');
const command = z.tuple([z.string().min(1).refine(withoutNul)], z.string().refine(withoutNul));

/** Undefined if it is not JSON. */
function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/**
 * A name, or a path that says where it begins. Anything else would be taken for a program that is not there: a command line
 * for a shell, and an address without its scheme (`host/x`, `host:8080`, `//host/x`).
 */
const PROGRAM = /^(?:[^\s/:[{~.][^\s/:]*|\/(?!\/).*|[a-z]:[\\/].*|(?:~|\.\.?)\/\S+)$/is;

function readTarget(text: string): Target | undefined {
  if (/^https?:/i.test(text)) {
    const url = URL.canParse(text) ? new URL(text) : undefined;
    return url === undefined || url.username !== '' || url.password !== ''
      ? undefined
      : { kind: 'url', url: url.href };
  }
  const words = command.safeParse(PROGRAM.test(text) ? [text] : jsonOf(text));
  if (!words.success) return undefined;
  const [program, ...args] = words.data;
  return { kind: 'command', command: program, args };
}

/** An address to post to, or a program; both are the owner's. */
export const notifyTarget: ValueType<Target> = {
  name: 'url-or-command',
  schema: z.string().transform((text, context) => {
    const target = readTarget(text);
    if (target !== undefined) return target;
    context.addIssue({ code: 'custom', message: `${URL_FORM}; or ${COMMAND_FORM}` });
    return z.NEVER;
  }),
};

/** In the form of HTTP: a token, and a value of visible characters. */
const headers = z.record(z.string().regex(/^[\w!#$%&'*+.^`|~-]+$/), z.string().regex(/^[\t\x20-\x7e]*$/));

/** Headers by name. */
export const httpHeaders: ValueType<Record<string, string>> = {
  name: 'headers',
  schema: z.string().transform((text, context) => {
    const read = headers.safeParse(jsonOf(text));
    if (read.success) return read.data;
    context.addIssue({ code: 'custom', message: 'a JSON object, as {"Authorization": "Bearer …"}' });
    return z.NEVER;
  }),
};

/** The parts of a target that must never be shown. */
export function secretsOfNotify(target: Target | null, headers: Readonly<Record<string, string>>): string[] {
  const route = target?.kind === 'url' ? secretsOfRoute(target.url) : [];
  return [...secretsOfHeaders(headers), ...route];
}
