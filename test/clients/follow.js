/**
 * Claude Code follows a batch as a task, is killed, and started again: `node follow.js <server.js> <folder>` prints what its model was
 * shown, as JSON. It needs util-linux's script(1) for a terminal.
 */
import { spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { claude, prepareHome } from './claude.js';
import { startModel } from './model.js';
import { follow } from './script.js';
import { messagesOf, serverIn } from './server.js';

const [built, folder] = process.argv.slice(2);
/** The batch outlives the first session, and ends within the second. */
const SANDBOX_SECONDS = 25;

const told = [];
const model = await startModel(follow, {
  onRequest: (body) => told.push(JSON.stringify(body.messages?.at(-1) ?? null)),
});
const server = await serverIn(folder, built, SANDBOX_SECONDS);
const { args, env } = await prepareHome(server, model.url);

/** A session on a terminal of its own. */
function start(...more) {
  const line = [claude, ...args, ...more].map((word) => `'${word}'`).join(' ');
  const child = spawn('script', ['-qefc', `stty cols 120 rows 40; exec ${line}`, '/dev/null'], {
    cwd: server.cwd,
    env,
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  return {
    type: (text) => child.stdin.write(text),
    // With all that it has started: they are a group of their own.
    kill: () => child.pid !== undefined && process.kill(-child.pid, 'SIGKILL'),
  };
}

async function until(isSo) {
  const end = performance.now() + 90_000;
  while (!(await isSo())) {
    if (performance.now() > end) throw new Error('It never came to that.');
    await sleep(100);
  }
}

const wasAsked = async (method) =>
  (await messagesOf(server)).some(({ message }) => message.method === method);

const first = start();
await until(() => wasAsked('tools/list'));
// Its prompt takes what is typed a moment after the tools are there.
await sleep(1500);
first.type('Run the batch of rivers.');
await sleep(500);
first.type('\r');
await until(() => model.shown.length === follow.length);
const before = told.length;
first.kill();
const second = start('--continue');
await until(() => told.slice(before).some((text) => text.includes('task-notification')));
second.kill();
const notification = told.findLast((text) => text.includes('task-notification'));
process.stdout.write(JSON.stringify({ shown: model.shown, notification }), () => process.exit(0));
