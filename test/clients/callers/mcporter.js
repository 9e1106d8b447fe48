import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { runProgram } from '../run-program.js';

export async function connect({ command, args, env, cwd }) {
  const config = path.join(cwd, 'mcporter.json');
  await writeFile(config, JSON.stringify({ imports: [], mcpServers: { batch: { command, args, env } } }));
  const call = (name, given, signal) =>
    runProgram(
      'mcporter',
      'mcporter',
      ['--config', config, 'call', `batch.${name}`, '--args', JSON.stringify(given)],
      { cwd, signal },
    );
  return { call, close: async () => {} };
}
