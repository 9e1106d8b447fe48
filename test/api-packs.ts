import type { ApiRequest } from './api-server.ts';

/** A row of a request that several tasks share, as the API gets it. */
export type SentRow = { id: string; text: string };

type Block = { type: string; text?: string };

const isBlocks = (content: unknown): content is Block[] => Array.isArray(content);

/** The rows of a request; none where it is one task's. */
export function rowsIn({ params }: ApiRequest): SentRow[] {
  const messages: { content: unknown }[] = Array.isArray(params.messages) ? params.messages : [];
  const content = messages.at(-1)?.content;
  if (!isBlocks(content)) return [];
  const text = content.map((block) => block.text ?? '').join('\n');
  const rows = text.matchAll(/^<row id="([\w-]+)">\n([\s\S]*?)\n?<\/row>$/gm);
  return [...rows].map(([, id = '', inner = '']) => ({ id, text: inner }));
}

/** The answer to a pack, with what each of its rows is answered: an object, a text, or nothing for one that is left out. */
export function packAnswer(request: ApiRequest, answer: (row: SentRow, index: number) => unknown): string {
  const answers = rowsIn(request).flatMap((row, index) => {
    const given = answer(row, index);
    return given === undefined ? [] : [{ id: row.id, answer: given }];
  });
  return JSON.stringify({ answers });
}
