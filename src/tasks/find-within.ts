import { ExactNumber } from '../lib/exact-json.ts';
import { quoteName } from '../lib/nearest.ts';

const PLAIN_KEY = /^[\w-]{1,60}$/;

const join = (path: string, key: string) => {
  if (!PLAIN_KEY.test(key)) return `${path}[${quoteName(key)}]`;
  return path === '' ? key : `${path}.${key}`;
};

/** The paths of all keys and plain values within `value` that `test` holds for, as `messages[0].content`. */
export function* findWithin(value: unknown, test: (value: unknown) => boolean, path = ''): Generator<string> {
  if (typeof value !== 'object' || value === null || value instanceof ExactNumber) {
    if (test(value)) yield path;
  } else if (Array.isArray(value)) {
    for (const [index, each] of value.entries()) yield* findWithin(each, test, `${path}[${index}]`);
  } else {
    for (const [key, each] of Object.entries(value)) {
      const at = join(path, key);
      if (test(key)) yield at;
      yield* findWithin(each, test, at);
    }
  }
}
