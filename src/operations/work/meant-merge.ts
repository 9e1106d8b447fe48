import { BatchError } from '../../errors.ts';
import type { AllowedFolders } from '../../lib/files/allowed-folders.ts';
import { itemsOf } from '../../tasks/examine/examine-work.ts';
import { everything } from '../../tasks/sources/item-source.ts';
import type { Merge, WorkSource } from '../../tasks/work.ts';

const DIGITS = /^\s*(\d{1,6})\s*$/;

/** A merge as it is meant: digits are a number, in whatever form a client sends them, unless a column is called so. */
export async function meantMerge(
  given: Merge | undefined,
  source: WorkSource,
  folders: AllowedFolders,
): Promise<Merge | undefined> {
  const digits = typeof given === 'string' ? DIGITS.exec(given)?.[1] : undefined;
  if (typeof given !== 'string' || digits === undefined) return given;
  return (await hasColumn(source, given, folders)) ? given : Number(digits);
}

/** Whether a source says that it has a column; one that can't be read says so when its work is looked through. */
async function hasColumn(source: WorkSource, name: string, folders: AllowedFolders): Promise<boolean> {
  if (source.kind === 'requests' || source.kind === 'requests_file') return false;
  let found = false;
  const begin = ({ columns }: { columns: readonly string[] | null }) => {
    found = columns?.includes(name) ?? false;
  };
  try {
    for await (const _items of itemsOf(source, folders).items(everything, begin)) break;
  } catch (error) {
    if (!(error instanceof BatchError)) throw error;
  }
  return found;
}
