import { describe, expect, it } from 'vitest';
import { BatchError } from '../../../src/errors.ts';
import type { Budget } from '../../../src/store/shared-records.ts';
import type { Store } from '../../../src/store/store.ts';
import type { StoreDriver } from '../contract.ts';
import { add, DAY, whoChanged } from './changes.ts';

export function describeRegisters(driver: StoreDriver): void {
  async function opener(): Promise<() => ReturnType<Store['budget']>> {
    const { open } = await driver();
    return () => open().budget(DAY);
  }

  describe('a register', () => {
    it('reads null and has no history before the first change', async () => {
      const register = (await opener())();
      expect(await register.read()).toBeNull();
      expect(await register.history()).toEqual([]);
    });

    it('gives back what a change made, to itself and to others', async () => {
      const open = await opener();
      const first = add('a')(null);
      expect(await open().update(add('a'))).toEqual(first);
      expect(await open().update(add('b'))).toEqual(add('b')(first));
      expect(await open().read()).toEqual(add('b')(first));
    });

    it.each<[string, (current: Budget | null) => Budget | null]>([
      ['null', () => null],
      ['the same object', (current) => current],
      ['an equal one', () => add('a')(null)],
    ])('writes nothing when a change returns %s', async (_what, change) => {
      const register = (await opener())();
      await register.update(add('a'));
      expect(await register.update(change)).toEqual(add('a')(null));
      expect(await register.history()).toHaveLength(1);
    });

    it('leaves nothing when the first change returns null', async () => {
      const register = (await opener())();
      expect(await register.update(() => null)).toBeNull();
      expect(await register.read()).toBeNull();
    });

    it('keeps a change that edits the very object it was given', async () => {
      const open = await opener();
      await open().update(add('a'));
      await open().update((current) => {
        if (current) current.spent_usd = 7;
        return current;
      });
      expect((await open().read())?.spent_usd).toBe(7);
    });

    it('lets nobody change what it keeps through what it gave', async () => {
      const open = await opener();
      const given = await open().update(add('a'));
      const read = await open().read();
      if (given) given.spent_usd = 7;
      if (read) read.spent_usd = 8;
      expect((await open().read())?.spent_usd).toBe(1);
    });

    it('lets through what a change throws, and changes nothing', async () => {
      const register = (await opener())();
      await register.update(add('a'));
      const refuse = () => {
        throw new BatchError('wrong_state', 'no');
      };
      await expect(register.update(refuse)).rejects.toMatchObject({ code: 'wrong_state' });
      expect(await register.history()).toHaveLength(1);
    });

    it('refuses to write what could never be read again', async () => {
      const register = (await opener())();
      await register.update(add('a'));
      const change = () => ({ spent_usd: Number.NaN, open: [] });
      await expect(register.update(change)).rejects.toMatchObject({ code: 'internal' });
      expect(await register.read()).toEqual(add('a')(null));
    });

    it('keeps all revisions, oldest first, numbered from 1, each with its own change id', async () => {
      const open = await opener();
      for (const who of ['a', 'b', 'c']) await open().update(add(who));
      const history = await open().history();
      expect(history.map(({ number }) => number)).toEqual([1, 2, 3]);
      expect(history.map(({ value }) => value.spent_usd)).toEqual([1, 2, 3]);
      expect(new Set(history.map(({ change_id }) => change_id)).size).toBe(3);
      for (const { at } of history) expect(new Date(at).toISOString()).toBe(at);
    });

    it('loses none of many changes made at once', async () => {
      const open = await opener();
      const names = Array.from({ length: 20 }, (_, i) => `writer-${i}`);
      await Promise.all(names.map((who) => open().update(add(who))));
      const value = await open().read();
      expect(value?.spent_usd).toBe(20);
      expect(whoChanged(value).toSorted()).toEqual(names.toSorted());
      expect(await open().history()).toHaveLength(20);
    });
  });

  describe('registers', () => {
    const hash = 'ab'.repeat(32);
    const other = 'cd'.repeat(32);

    it('are one for each name', async () => {
      const store = (await driver()).open();
      await store.submission(hash).update(() => ({ batch_id: 'a', at: '2026-11-27T09:00:00.000Z' }));
      await store.claim('msgbatch_1').update(() => ({ owner: null, tentative: true }));
      await store.models(hash).update(() => ({ at: '2026-11-27T09:00:00.000Z', models: [] }));
      await store.budget(DAY).update(add('a'));
      const path = `/${'long/'.repeat(500)}out.csv`;
      await store
        .writtenFile(path)
        .update(() => ({ path, batch_id: 'a', sha256: hash, at: '2026-11-27T09:00:00.000Z' }));

      expect(await store.submission(hash).read()).toEqual({ batch_id: 'a', at: '2026-11-27T09:00:00.000Z' });
      expect((await store.writtenFile(path).read())?.path).toBe(path);
      expect(await store.submission(other).read()).toBeNull();
      expect(await store.claim('msgbatch_2').read()).toBeNull();
      expect(await store.models(other).read()).toBeNull();
      expect(await store.budget('2026-11-26').read()).toBeNull();
      expect(await store.writtenFile('/other').read()).toBeNull();
    });

    it('of what addresses are signed with keep the key of whoever was first, for all', async () => {
      const { open } = await driver();
      const keys = ['a', 'b', 'c', 'd'];
      const got = await Promise.all(
        keys.map((key) =>
          open()
            .signingKey()
            .update((now) => now ?? { key }),
        ),
      );
      expect(new Set(got.map((signing) => signing?.key)).size).toBe(1);
      expect(keys).toContain(got[0]?.key);
      expect(await open().signingKey().read()).toEqual(got[0]);
      expect(await open().signingKey().history()).toHaveLength(1);
    });

    it('of submissions tell whether one names a batch, or ever did', async () => {
      const store = (await driver()).open();
      const [first, second, third] = ['0', '1', '2'].map((end) => `batch_01K9ZZZZZZZZZZZZZZZZZZZZZ${end}`);
      if (first === undefined || second === undefined || third === undefined) throw new Error('no ids');
      expect(await store.isSubmitted(first)).toBe(false);
      await store.submission(hash).update(() => ({ batch_id: first, at: '2026-11-27T09:00:00.000Z' }));
      await store.submission(hash).update(() => ({ batch_id: second, at: '2026-11-27T09:00:00.000Z' }));
      expect(await Promise.all([first, second, third].map((id) => store.isSubmitted(id)))).toEqual([
        true,
        true,
        false,
      ]);
    });

    const outside = ['', '.', '..', '../x', 'a/b', 'a\\b', '/etc/passwd', 'a\0', 'a\n', 'a'.repeat(500)];
    it.each<[string, (store: Store, id: string) => unknown, string[]]>([
      ['a submission', (store, id) => store.submission(id), ['x', hash.toUpperCase(), `${hash}/..`]],
      ['a list of models', (store, id) => store.models(id), ['x', hash.toUpperCase()]],
      ['a claim', (store, id) => store.claim(id), ['msgbatch_../x', 'msgbatch_a/b', 'msgbatch_a.b']],
      ['a day', (store, id) => store.budget(id), ['2026-11', '2026-11-25/..', 'today']],
    ])('of %s refuse ids that could name anything else', async (_what, open, ids) => {
      const store = (await driver()).open();
      for (const id of [...outside, ...ids]) {
        expect(() => open(store, id), JSON.stringify(id)).toThrow(
          expect.objectContaining({ code: 'invalid_input' }),
        );
      }
    });
  });
}
