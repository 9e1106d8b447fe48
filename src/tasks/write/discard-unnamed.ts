import type { Context } from '../../state/context.ts';
import type { Part } from '../../store/record.ts';
import type { PartsWriter } from './write-parts.ts';

/**
 * Discards what was written for a batch, unless its record names it: on a full disk a record can have been written although the call
 * that wrote it failed, or could not be taken back. Where that can't be read, the files stay.
 */
export async function discardUnnamed(
  { store }: Pick<Context, 'store'>,
  batchId: string,
  writer: Pick<PartsWriter, 'discard'>,
  written: readonly Part[],
): Promise<void> {
  const marks = new Set(written.flatMap(({ mark }) => mark?.sent ?? []));
  // Without one nothing can be told apart, and nothing was written either.
  const isNamed = marks.size > 0 && (await names(store, batchId, marks));
  if (!isNamed) await writer.discard();
}

async function names(store: Context['store'], batchId: string, marks: ReadonlySet<string>): Promise<boolean> {
  try {
    const record = await store.record(batchId).read();
    return record?.parts.some(({ mark }) => mark !== undefined && marks.has(mark.sent)) ?? false;
  } catch {
    return true;
  }
}
