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
      const at = answered.text === undefined ? -1 : around.indexOf(IN_JSON);
      if (answered.text === undefined || at === -1) bytes.add(around);
      else {
        bytes.add(around.slice(0, at));
        bytes.add(answered.text);
        bytes.add(around.slice(at + IN_JSON.length));
      }
    }
    yield bytes.bytes();
  }
}
