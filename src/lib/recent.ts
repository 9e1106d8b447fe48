/** Keeps the few most recently requested values, each made once. */
export type Recent<T> = {
  /** The value kept under `key`, else a new one from `make`. A failure is not kept. */
  get(key: string, make: () => Promise<T>): Promise<T>;
};

export function createRecent<T>(size: number): Recent<T> {
  // In the order of use: a Map keeps the order in which keys were set.
  const kept = new Map<string, Promise<T>>();
  return {
    async get(key, make) {
      const found = kept.get(key) ?? make();
      kept.delete(key);
      kept.set(key, found);
      for (const oldest of [...kept.keys()].slice(0, Math.max(0, kept.size - size))) kept.delete(oldest);
      try {
        return await found;
      } catch (error) {
        if (kept.get(key) === found) kept.delete(key);
        throw error;
      }
    },
  };
}
