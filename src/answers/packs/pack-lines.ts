import { splitLines } from '../../lib/lines.ts';
import type { Dialect } from '../../provider/dialect.ts';
import { receivedOf } from '../../state/parts.ts';
import type { BatchRecord, Part } from '../../store/record.ts';
import type { Blobs } from '../../store/store.ts';
import { tasksOfPart } from '../download/tasks-of-part.ts';
import { expectedPacks } from './expected-packs.ts';

type Received = { blobs: Blobs; record: BatchRecord; part: Part; dialect: Dialect };

/** The lines that were received for these tasks of a part, each once, however many of them share it. */
export async function* packLines(
  { blobs, record, part, dialect }: Received,
  ordinals: ReadonlySet<number>,
): AsyncGenerator<string> {
  const wanted = new Set<string>();
  for await (const tasks of tasksOfPart(blobs, record, part)) {
    for (const { ordinal, pack, custom_id } of tasks)
      if (ordinals.has(ordinal)) wanted.add(pack ?? custom_id);
  }
  const { expected } = await expectedPacks(blobs, record, part);
  const positions = new Set(
    [...wanted].map((id) => expected.position(id === part.mark?.own ? part.mark.sent : id)),
  );
  for await (const lines of splitLines(blobs.read(receivedOf(part)))) {
    for (const { bytes } of lines) {
      const id = dialect.results.count(bytes)?.request_id;
      const position = id === undefined ? undefined : expected.position(id);
      if (position !== undefined && positions.delete(position)) yield `${bytes.toString('utf8')}\n`;
    }
  }
}
