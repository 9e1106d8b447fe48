import { describe, expect, it } from 'vitest';
import { BatchError } from '../../src/errors.ts';
import type { Register } from '../../src/store/store.ts';

export type Tally = { total: number; by: string[] };

/** Opens registers that share one value, as several processes would; each call of the factory a new value. */
export type RegisterDriver = () => Promise<{ open: () => Register<Tally> }>;

/** What every register does, whatever it is kept in. */
export function describeRegister(name: string, driver: RegisterDriver): void {
  const add = (who: string) => (current: Tally | null) => ({
    total: (current?.total ?? 0) + 1,
    by: [...(current?.by ?? []), who],
  });

  describe(`register contract: ${name}`, () => {
    it('reads null and has no history before the first change', async () => {
      const register = (await driver()).open();
      expect(await register.read()).toBeNull();
      expect(await register.history()).toEqual([]);
    });

    it('gives back what a change made, to itself and to others', async () => {
      const { open } = await driver();
      expect(await open().update(add('a'))).toEqual({ total: 1, by: ['a'] });
      expect(await open().update(add('b'))).toEqual({ total: 2, by: ['a', 'b'] });
      expect(await open().read()).toEqual({ total: 2, by: ['a', 'b'] });
    });

    it.each<[string, (current: Tally | null) => Tally | null]>([
      ['null', () => null],
      ['the same object', (current) => current],
      ['an equal one', () => ({ total: 1, by: ['a'] })],
    ])('writes nothing when a change returns %s', async (_what, change) => {
      const register = (await driver()).open();
      await register.update(add('a'));
      expect(await register.update(change)).toEqual({ total: 1, by: ['a'] });
      expect(await register.history()).toHaveLength(1);
    });

    it('leaves nothing when the first change returns null', async () => {
      const register = (await driver()).open();
      expect(await register.update(() => null)).toBeNull();
      expect(await register.read()).toBeNull();
    });

    it('keeps a change that edits the very object it was given', async () => {
      const { open } = await driver();
      await open().update(add('a'));
      await open().update((current) => {
        if (current) current.total = 7;
        return current;
      });
      expect((await open().read())?.total).toBe(7);
    });

    it('lets through what a change throws, and changes nothing', async () => {
      const register = (await driver()).open();
      await register.update(add('a'));
      const refuse = () => {
        throw new BatchError('wrong_state', 'no');
      };
      await expect(register.update(refuse)).rejects.toMatchObject({ code: 'wrong_state' });
      expect(await register.history()).toHaveLength(1);
    });

    it('keeps all revisions, oldest first, numbered from 1, each with its own change id', async () => {
      const { open } = await driver();
      for (const who of ['a', 'b', 'c']) await open().update(add(who));
      const history = await open().history();
      expect(history.map(({ number }) => number)).toEqual([1, 2, 3]);
      expect(history.map(({ value }) => value.total)).toEqual([1, 2, 3]);
      expect(new Set(history.map(({ change_id }) => change_id)).size).toBe(3);
      for (const { at } of history) expect(new Date(at).toISOString()).toBe(at);
    });

    it('loses none of many changes made at once', async () => {
      const { open } = await driver();
      const names = Array.from({ length: 20 }, (_, i) => `writer-${i}`);
      await Promise.all(names.map((who) => open().update(add(who))));
      const value = await open().read();
      expect(value?.total).toBe(20);
      expect(value?.by.toSorted()).toEqual(names.toSorted());
      expect(await open().history()).toHaveLength(20);
    });
  });
}
