import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { readConfig } from '../../src/config/config.ts';
import { createContext } from '../../src/config/create-context.ts';
import { budgetToday } from '../../src/cost/budget.ts';

/** What all days' budgets in the data folder below this one say, in US dollars. */
export async function budgetIn(folder: string): Promise<{ spent: number; reserved: number }> {
  const data = path.join(folder, 'data');
  const config = readConfig({
    env: { BATCH_MCP_DATA_DIR: data },
    argv: [],
    cwd: path.join(folder, 'work'),
    home: folder,
  });
  const sum = { spent: 0, reserved: 0 };
  for (const day of await readdir(path.join(data, 'budget')).catch(() => [])) {
    const now = () => new Date(`${day}T12:00:00Z`);
    const { spent, reserved } = await budgetToday(await createContext(config, () => {}, { now }));
    sum.spent += spent;
    sum.reserved += reserved;
  }
  return sum;
}
