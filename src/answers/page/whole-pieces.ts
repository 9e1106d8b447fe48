import path from 'node:path';
import { stringifyExact } from '../../lib/exact-json.ts';
import { makeFolder, writeFileDurably } from '../../lib/files/durable-write.ts';
import { fileFailure } from '../../lib/files/file-failure.ts';
import type { Context } from '../../state/context.ts';
import type { BatchRecord } from '../../store/record.ts';
import type { Answer } from '../answer.ts';
import { openView } from '../view/view.ts';

/** The pieces of an answer that may be too long for a reply, by the ending of the file that holds them whole. */
const pieces = {
  txt: ({ text }: Answer) => text,
  'text.json': ({ text }: Answer) => (text === undefined ? undefined : JSON.stringify(text)),
  json: ({ json }: Answer) => (json === undefined ? undefined : stringifyExact(json)),
  'tool_calls.json': ({ tool_calls }: Answer) => tool_calls && stringifyExact(tool_calls, 2),
  'content.json': ({ details }: Answer) => details?.content && stringifyExact(details.content, 2),
} satisfies Record<string, (answer: Answer) => string | undefined>;
type Piece = keyof typeof pieces;

/** Tells where a piece of an answer is stored whole; null if this server writes no files. */
export type Keeper = (piece: Piece) => Promise<string | null>;

const nameOf = (ordinal: number, piece: Piece) => `${String(ordinal).padStart(6, '0')}.${piece}`;

/** Prefix of links to pieces, below a batch's results. No requested file has a slash in its name, so the two can't collide. */
const LINKED = 'answers/';
const LINKED_PIECE = new RegExp(
  String.raw`^${LINKED}(?<ordinal>\d{6,9})\.(?<piece>${Object.keys(pieces).join('|')})$`,
);

/** Writes pieces of an answer to files of their own; a user over HTTP gets links instead, on which they are made again. */
export function createKeeper(
  context: Pick<Context, 'answersFolder' | 'linkTo' | 'readOnly'>,
  batchId: string,
  ordinal: number,
  answer: Answer,
): Keeper {
  return async (piece) => {
    const name = nameOf(ordinal, piece);
    if (context.linkTo !== null) return context.linkTo(batchId, `${LINKED}${name}`);
    if (context.readOnly) return null;
    const file = path.join(context.answersFolder, batchId, name);
    try {
      await makeFolder(path.dirname(file));
      await writeFileDurably(file, pieces[piece](answer) ?? '');
    } catch (error) {
      throw fileFailure(`write ${JSON.stringify(file)}`, error);
    }
    return file;
  };
}

/** The piece of an answer that a link names; null if it names none, undefined if there is no such answer. */
export async function linkedPiece(
  context: Context,
  record: BatchRecord,
  name: string,
): Promise<{ name: string; text: string } | null | undefined> {
  const { ordinal = '', piece } = LINKED_PIECE.exec(name)?.groups ?? {};
  if (!isPiece(piece)) return null;
  const view = await openView(context, record);
  if (Number(ordinal) >= view.count) return undefined;
  const [answered] = await view.answeredRows([Number(ordinal)]);
  const text = answered && pieces[piece](answered.answer);
  return text === undefined ? undefined : { name: name.slice(LINKED.length), text };
}

const isPiece = (name: string | undefined): name is Piece =>
  name !== undefined && Object.hasOwn(pieces, name);
