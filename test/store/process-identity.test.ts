import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import {
  isProvenDead,
  type ProcessIdentity,
  processIdentity,
  thisProcess,
} from '../../src/store/process-identity.ts';

/** A process that says who it is, and lives until it is killed. */
async function spawnOther() {
  const module = new URL('../../src/store/process-identity.ts', import.meta.url).href;
  const script = `import { thisProcess } from '${module}';
    process.stdout.write(JSON.stringify(thisProcess()));
    setInterval(() => {}, 1000);`;
  const args = ['--import', 'tsx', '--input-type=module', '-e', script];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const [said] = await once(child.stdout, 'data');
  return { child, identity: processIdentity.parse(JSON.parse(String(said))) };
}

describe('who is dead', () => {
  it('is nobody who lives, and everybody who was killed', async () => {
    const { child, identity } = await spawnOther();
    try {
      expect(identity.pid).toBe(child.pid);
      expect(isProvenDead(identity)).toBe(false);
    } finally {
      child.kill('SIGKILL');
      await once(child, 'close');
    }
    expect(isProvenDead(identity)).toBe(true);
  });

  it('is one whose parent has not looked yet', async () => {
    // The child ends soon; its parent, a shell turned into another program, never collects it.
    const parent = spawn('sh', ['-c', 'sleep 0.2 & echo $!; exec sleep 30'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    try {
      const [said] = await once(parent.stdout, 'data');
      const zombie = { ...thisProcess(), pid: Number(said), nonce: 'other', started: 'unknown' };
      if (process.platform === 'linux') await expect.poll(() => isProvenDead(zombie)).toBe(true);
    } finally {
      parent.kill('SIGKILL');
    }
  });

  const self = thisProcess();
  it.each<[string, Partial<ProcessIdentity>, boolean]>([
    ['ourselves', {}, false],
    ['our number, started at the same time', { nonce: 'other' }, false],
    ['our number, started at another time', { nonce: 'other', started: 'long ago' }, true],
    ['our number, start unknown', { nonce: 'other', started: 'unknown' }, false],
    ['our number on another host', { nonce: 'other', host: 'elsewhere', started: 'long ago' }, false],
    ['a number beyond any', { nonce: 'other', pid: 2 ** 22 + 1 }, true],
    ['a number beyond any, on another host', { nonce: 'other', pid: 2 ** 22 + 1, host: 'elsewhere' }, false],
    ['0, a group', { nonce: 'other', pid: 0 }, false],
    ['-1, everybody', { nonce: 'other', pid: -1 }, false],
  ])('of %s: as it should be', (_what, change, dead) => {
    expect(isProvenDead({ ...self, ...change })).toBe(dead);
  });

  it('is told apart by a start time that was found out', () => {
    expect(thisProcess()).toBe(self);
    expect(self.started).not.toBe('unknown');
  });
});
