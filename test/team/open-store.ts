import { createStore as createTeamStore, type StoreSettings } from '../../src/store/postgres/open-store.ts';

/** The store as the contract opens it: every batch is due at once. */
export function createStore(settings: Omit<StoreSettings, 'nextLook' | 'aliveMs'>) {
  return createTeamStore({ ...settings, aliveMs: 30_000, nextLook: () => ({ inMs: 0, subject: '' }) });
}
