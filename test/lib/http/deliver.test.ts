import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { createDelivery, fromHome } from '../../../src/lib/http/deliver.ts';
import { startReceiver } from '../../receiver.ts';
import { temporaryFolder } from '../../temporary-folder.ts';

const message = { json: {}, env: {} };
const LITTLE_MS = 200;

it('follows no redirect', async () => {
  const elsewhere = await startReceiver();
  const receiver = await startReceiver((_, response) => {
    response.writeHead(307, { location: elsewhere.url }).end();
  });
  onTestFinished(() => Promise.all([elsewhere.close(), receiver.close()]).then(() => {}));
  const deliver = createDelivery({ kind: 'url', url: receiver.url });
  expect(await deliver(message)).toMatch(/redirects elsewhere \(307\)/);
  expect(elsewhere.received).toEqual([]);
});

it('takes ~/ before a program for the home folder, and no other', () => {
  const program = (command: string) => ({ kind: 'command', command, args: ['~/x'] }) as const;
  expect(fromHome(program('~/tell'), '/home/ada')).toEqual(program(path.join('/home/ada', 'tell')));
  expect(fromHome(program('~/tell'), undefined)).toEqual(program('~/tell'));
  expect(fromHome(program('~ada/tell'), '/home/me')).toEqual(program('~ada/tell'));
});

it.each(['content-type', 'Content-Type'])(
  'sends an owner’s own %s in place of the usual one',
  async (name) => {
    const receiver = await startReceiver();
    onTestFinished(() => receiver.close());
    const deliver = createDelivery({ kind: 'url', url: receiver.url }, { [name]: 'application/vnd.x+json' });
    expect(await deliver(message)).toBeNull();
    expect(receiver.received[0]?.headers['content-type']).toBe('application/vnd.x+json');
  },
);

it('leaves an answer that never ends: its connection would keep the process from ending', async () => {
  let isLeft = () => {};
  const left = new Promise<void>((resolve) => {
    isLeft = resolve;
  });
  const receiver = await startReceiver((_, response) => {
    response.on('close', isLeft);
    response.write('so far');
  });
  onTestFinished(() => receiver.close());
  expect(await createDelivery({ kind: 'url', url: receiver.url }, {}, 3_600_000)(message)).toBeNull();
  await left;
});

it('waits for no answer that does not come', async () => {
  const receiver = await startReceiver(() => {});
  onTestFinished(() => receiver.close());
  expect(await createDelivery({ kind: 'url', url: receiver.url }, {}, LITTLE_MS)(message)).toBe(
    'no answer within 0.2 seconds',
  );
});

it('ends a program that does not end', async () => {
  const args = ['-e', 'setInterval(() => {}, 1000)'];
  const target = { kind: 'command', command: process.execPath, args } as const;
  expect(await createDelivery(target, {}, LITTLE_MS)(message)).toBe('did not end within 0.2 seconds');
});

it.skipIf(process.platform === 'win32')('ends what such a program has started', async () => {
  const file = path.join(await temporaryFolder(), 'pid');
  const args = ['-c', `sleep 60 & echo $! > '${file}'; wait`];
  const deliver = createDelivery({ kind: 'command', command: 'sh', args }, {}, 1_000);
  expect(await deliver(message)).toBe('did not end within 1 seconds');
  const pid = Number(await readFile(file, 'utf8'));
  await expect.poll(() => isAlive(pid)).toBe(false);
});

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
