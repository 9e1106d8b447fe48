import { isJsonObject } from '../../../lib/json.ts';
import type { Attachment, Params, SharedRow } from '../../dialect.ts';

/**
 * A request that several tasks share: the common question as one text, then every row in a tag with its id. Rows are blocks
 * of their own, so that they can be found and taken out again.
 */

const HEAD = /^<row id="([\w-]+)">\n?/;
const TAIL = '</row>';

/** Text that could open or close a row, in any case. */
const TAG = /<(?=\/?row(?:[\s>/]|$))/gi;
/** Text that could be taken for an escaped one. */
const ESCAPED = /&(?=(?:amp;)*lt;\/?row(?:[\s>/]|$))/gi;

const escaped = (text: string) => text.replaceAll(ESCAPED, '&amp;').replaceAll(TAG, '&lt;');

const ESCAPED_TAG = /&lt;(?=\/?row(?:[\s>/]|$))/gi;
const ESCAPED_TWICE = /&amp;(?=(?:amp;)*lt;\/?row(?:[\s>/]|$))/gi;

const unescaped = (text: string) => text.replaceAll(ESCAPED_TAG, '<').replaceAll(ESCAPED_TWICE, '&');

const textBlock = (text: string) => ({ type: 'text', text });

export function fileBlock({ kind, media_type, data }: Attachment): object {
  return { type: kind === 'pdf' ? 'document' : 'image', source: { type: 'base64', media_type, data } };
}

function rowBlocks({ id, text, attachment }: SharedRow): object[] {
  const head = `<row id="${id}">`;
  const body = `${text === '' ? '' : `${escaped(text)}\n`}${TAIL}`;
  if (attachment === undefined) return [textBlock(`${head}\n${body}`)];
  return [textBlock(head), fileBlock(attachment), textBlock(body)];
}

const closing = (rows: number) =>
  rows === 1
    ? 'This was the one row: give one answer, under its id.'
    : `These were ${rows} rows: give ${rows} answers, each under the id of its row. Leave none out.`;

/** The blocks of the user's turn. */
export function sharedTurn(prompt: string, rows: readonly SharedRow[]): object[] {
  return [textBlock(prompt), ...rows.flatMap(rowBlocks), textBlock(closing(rows.length))];
}

type Turn = { before: unknown[]; prompt: string; rows: unknown[] };

const isTextBlock = (block: unknown): block is { text: string } =>
  isJsonObject(block) && block.type === 'text' && typeof block.text === 'string';

/** The parts of the turn: documents before the first text, which is the prompt, and the rows up to the last. */
function turnOf({ messages }: Params): Turn {
  const turn: unknown = Array.isArray(messages) ? messages.at(-1) : undefined;
  const content: unknown[] = isJsonObject(turn) && Array.isArray(turn.content) ? turn.content : [];
  const at = content.findIndex(isTextBlock);
  const first = content[at];
  if (!isTextBlock(first)) return { before: content, prompt: '', rows: [] };
  return { before: content.slice(0, at), prompt: first.text, rows: content.slice(at + 1, -1) };
}

export function rowsOf(params: Params): SharedRow[] {
  const rows: SharedRow[] = [];
  let id: string | null = null;
  let attachment: Attachment | null = null;
  for (const block of turnOf(params).rows) {
    if (!isTextBlock(block)) {
      attachment = attachmentOf(block);
      continue;
    }
    const match: RegExpExecArray | null = id === null ? HEAD.exec(block.text) : null;
    const head: string = match?.[0] ?? '';
    id ??= match?.[1] ?? null;
    // A row's opening tag is a block of its own if a file follows.
    if (id === null || !block.text.endsWith(TAIL)) continue;
    const text = block.text.slice(head.length, -TAIL.length).replace(/\n$/, '');
    rows.push({ id, text: unescaped(text), ...(attachment && { attachment }) });
    id = null;
    attachment = null;
  }
  return rows;
}

function attachmentOf(block: unknown): Attachment | null {
  if (!isJsonObject(block) || !isJsonObject(block.source)) return null;
  const { media_type, data } = block.source;
  if (typeof media_type !== 'string' || typeof data !== 'string') return null;
  return { kind: block.type === 'document' ? 'pdf' : 'image', media_type, data };
}

export function withRows(params: Params, rows: readonly SharedRow[], prompt?: string): Params {
  const turn = turnOf(params);
  const content = [...turn.before, ...sharedTurn(prompt ?? turn.prompt, rows)];
  return { ...params, messages: [{ role: 'user', content }] };
}
