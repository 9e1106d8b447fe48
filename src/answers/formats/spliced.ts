import { randomBytes } from 'node:crypto';
import { gatherBytes } from '../../lib/gathered-bytes.ts';
import type { AnsweredRow } from '../answer.ts';

/** In place of an answer's text, which is spliced in as it came. Made anew in every process, so that no text can hold it. */
export const STAND_IN = `answer-text-${randomBytes(12).toString('hex')}`;
const IN_JSON = JSON.stringify(STAND_IN);

const EXPECTED_BYTES = 1024 * 1024;

/**
 * The JSON of each group of answers, with the texts for which `STAND_IN` stands in it: most of a file is texts, and to decode them,
 * to parse them and to write them anew took most of its time. The bytes are good until the next ones are asked for.
 */
export async function* spliced(
  groups: AsyncIterable<readonly AnsweredRow[]>,
  json: (answered: AnsweredRow) => string,
): AsyncGenerator<Uint8Array> {
  const bytes = gatherBytes(EXPECTED_BYTES);
  for await (const group of groups) {
    bytes.clear();
    for (const answered of group) {
      const around = json(answered);
      // Beside the columns of its row a text stands in a column of its own and in the output.
      const pieces = answered.text === undefined ? [around] : around.split(IN_JSON);
      for (const [index, piece] of pieces.entries()) {
        if (index > 0 && answered.text !== undefined) bytes.add(answered.text);
        bytes.add(piece);
      }
    }
    yield bytes.bytes();
  }
}
