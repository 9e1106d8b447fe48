import * as z from 'zod';
import { parseExact, stringifyExact } from '../../lib/exact-json.ts';
import { WAITING_WORK } from '../../store/names.ts';
import type { Blobs } from '../../store/store.ts';
import { checkStored, damaged } from '../../store/stored-json.ts';
import { type TaskDefaults, taskSettings } from '../../tasks/task.ts';
import { overlaid } from '../../tasks/variants.ts';
import type { Work } from '../../tasks/work.ts';

const attachment = z.object({ kind: z.enum(['pdf', 'image']), media_type: z.string(), data: z.string() });
const document = z.union([
  z.object({ name: z.string(), sha256: z.string(), text: z.string() }),
  z.object({ name: z.string(), sha256: z.string(), attachment }),
]);

const settings = z.object(taskSettings);

/** Work without its source, with the content of its files, so that none of them has to be read again. */
const waitingWork = z.object({
  defaults: z.object({
    ...taskSettings,
    labelled: z.boolean().optional(),
    context: z.array(document).optional(),
  }),
  variants: z.array(z.object({ name: z.string(), own: settings })).optional(),
  outcomes: z.array(z.string()).optional(),
  merge: z.union([z.number(), z.string()]).optional(),
  pack: z.union([z.int().positive(), z.literal('auto')]).optional(),
  max_tasks: z.int().positive().optional(),
  output_places: z.array(z.string()).optional(),
  expect: z.record(z.string(), z.string()).optional(),
});
type WaitingWork = Omit<z.infer<typeof waitingWork>, 'variants'> & Pick<Work, 'variants'>;

/** Stores work beside the batch that will do it. */
export async function writeWork(blobs: Blobs, { source, ...work }: Work): Promise<void> {
  const variants = work.variants?.map(({ name, own }) => ({ name, own }));
  const kept = { ...work, variants, ...(source.kind === 'from_batch' && { outcomes: source.outcomes }) };
  async function* text() {
    yield Buffer.from(stringifyExact(kept));
  }
  await blobs.write(WAITING_WORK, text());
}

/** Throws `store_damaged`. */
export async function readWork(blobs: Blobs): Promise<WaitingWork> {
  const place = blobs.describe(WAITING_WORK);
  if ((await blobs.size(WAITING_WORK)) === null) throw damaged(place, 'it is missing');
  const pieces: Uint8Array[] = [];
  for await (const piece of blobs.read(WAITING_WORK)) pieces.push(piece);
  const text = Buffer.concat(pieces).toString('utf8');
  try {
    const { variants, ...work } = checkStored(place, parseExact(text).value, waitingWork);
    const overlay = ({ name, own }: { name: string; own: TaskDefaults }) => ({
      name,
      own,
      defaults: overlaid(work.defaults, own),
    });
    return { ...work, variants: variants?.map(overlay) };
  } catch (error) {
    if (error instanceof SyntaxError) throw damaged(place, 'it is not JSON');
    throw error;
  }
}
