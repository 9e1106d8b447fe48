import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { claude, prepareHome } from '../claude.js';

/** In print mode, which ends with the model's last word. */
export async function play(server, modelUrl, task, signal) {
  const { args, env } = await prepareHome(server, modelUrl);
  const child = spawn(claude, ['--print', task, ...args], { cwd: server.cwd, env, stdio: 'ignore' });
  signal?.addEventListener('abort', () => child.kill('SIGINT'));
  await once(child, 'exit');
}
