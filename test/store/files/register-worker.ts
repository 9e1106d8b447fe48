import { z } from 'zod';
import { createRegister } from '../../../src/store/files/register.ts';

/**
 * Makes `count` changes to the register in `folder`, each adding `<name>-<i>` unless it stands there already,
 * and reports each on a line of stdout once it is acknowledged. Started by tests, and killed by some.
 */
const [folder = '', temporary = '', name = '', first = '0', count = '0'] = process.argv.slice(2);
const register = createRegister({ folder, temporary, schema: z.array(z.string()) });

for (let i = Number(first); i < Number(count); i += 1) {
  const entry = `${name}-${i}`;
  await register.update((current) => (current?.includes(entry) ? current : [...(current ?? []), entry]));
  process.stdout.write(`${i}\n`);
}
