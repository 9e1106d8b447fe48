import { counted } from '../../../lib/numbers.ts';
import { unreadable } from '../text-file.ts';

/**
 * Throws `invalid_input` where lines above a head line are comments, for the first of them would be taken for it. A head line
 * may begin with `#` too: then it has as many fields as what follows.
 * `counterFor` finds out how the fields of a text are separated, and counts those of its first record.
 */
export function refuseComments(
  sample: string,
  counterFor: (text: string) => (record: string) => number,
  field: string,
): void {
  const lines = sample.split(/\r?\n/).filter((line) => line.trim() !== '');
  const comments = lines.findIndex((line) => !line.startsWith('#'));
  if (comments < 1) return;
  const rest = lines.slice(comments).join('\n');
  const fieldsOf = counterFor(rest);
  const fields = fieldsOf(rest);
  // With one column alone only the blank tells a comment from a name like #id.
  const isComment = (line: string) => (fields === 1 ? /^#+\s/.test(line) : fieldsOf(line) !== fields);
  if (!lines.slice(0, comments).some(isComment)) return;
  throw unreadable(field, {
    problem: `begins with ${counted(comments, 'comment line')} (#) above its head line`,
    valid: 'the file without them: its first line names the columns',
  });
}
