import type { BatchRecord, CreatedPart, Part, PartState } from '../store/record.ts';
import type { Register } from '../store/store.ts';

export function isCreated(part: Part): part is CreatedPart {
  return part.progress.state === 'created';
}

/**
 * Changes one part's state where it is still the one that `change` was made for: `change` gives null to
 * leave it. Gives back the newest record, and whether this call changed it.
 */
export async function updatePart(
  register: Register<BatchRecord>,
  number: number,
  change: (part: Part) => PartState | null,
): Promise<{ record: BatchRecord | null; changed: boolean }> {
  let changed = false;
  const record = await register.update((current) => {
    changed = false;
    const part = current?.parts.find((candidate) => candidate.number === number);
    const progress = part && change(part);
    if (!current || !progress) return current;
    changed = true;
    return {
      ...current,
      parts: current.parts.map((each) => (each.number === number ? { ...each, progress } : each)),
    };
  });
  return { record, changed };
}
