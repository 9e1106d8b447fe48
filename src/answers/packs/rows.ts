import { ExactNumber } from '../../lib/exact-json.ts';
import type { PackedRow } from './expected-packs.ts';

/** The rows of a pack, by what an answer calls them. */
export type Rows = {
  has: (id: string) => boolean;
  isStructured: (id: string) => boolean;
  /** The id that a value of JSON stands for; null where it is none, or could be that of several rows. */
  idOf: (value: unknown) => string | null;
};

/** Models write ids that look like numbers as such, which have no zeros in front. */
const asNumber = (id: string): string => id.replace(/^(-?)0+(?=\d)/, '$1');

export function createRows(packed: readonly PackedRow[]): Rows {
  const byId = new Map(packed.map((row) => [row.id, row]));
  const byNumber = new Map<string, string | null>();
  for (const { id } of packed) {
    const number = asNumber(id);
    byNumber.set(number, byNumber.has(number) ? null : id);
  }
  return {
    has: (id) => byId.has(id),
    isStructured: (id) => byId.get(id)?.structured ?? false,
    idOf(value) {
      // No id of ours has blanks around it.
      if (typeof value === 'string') return value.trim();
      const number =
        value instanceof ExactNumber ? value.source : typeof value === 'number' ? `${value}` : '';
      return byNumber.get(asNumber(number)) ?? null;
    },
  };
}
