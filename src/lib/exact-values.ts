import { ExactNumber, plainNumbers } from './exact-json.ts';
import { isJsonObject, type JsonObject } from './json.ts';

/** Replaces `const` and `enum` with numbers that JavaScript can't hold, or can't tell from their neighbours. */
export const EXACT_VALUES = 'x-exact-values';
/** Replaces bounds that are such numbers: an object of their keywords and digits. */
export const EXACT_BOUNDS = 'x-exact-bounds';
/** Beside `multipleOf`: how it was written. */
export const EXACT_MULTIPLE = 'x-exact-multiple';

/** Where a bound allows a value to be: below it (-1), equal to it (0) or above it (1). */
const BOUNDS = new Map<string, (place: number) => boolean>([
  ['minimum', (place) => place >= 0],
  ['maximum', (place) => place <= 0],
  ['exclusiveMinimum', (place) => place > 0],
  ['exclusiveMaximum', (place) => place < 0],
]);

/** Keywords whose values are schemas by names of the caller's own. */
const BY_NAME = new Set(['properties', 'patternProperties', '$defs', 'definitions', 'dependentSchemas']);
const DATA = new Set(['const', 'enum', 'default', 'examples']);

/** A schema with JavaScript numbers, except for values that are compared by all of their digits. */
export function withExactValues(schema: JsonObject): JsonObject {
  const result: JsonObject = {};
  const exact: unknown[][] = [];
  const bounds: Record<string, string> = {};
  for (const [keyword, value] of Object.entries(schema)) {
    const values = keyword === 'const' ? [value] : keyword === 'enum' && Array.isArray(value) ? value : [];
    if (values.some(hasUnsure)) exact.push(values.map(digitsOf));
    else if (keyword === 'multipleOf' && isNumber(value)) {
      result[keyword] = plainNumbers(value);
      result[EXACT_MULTIPLE] = value instanceof ExactNumber ? value.source : String(value);
    } else if (BOUNDS.has(keyword) && isNumber(value) && hasUnsure(value)) bounds[keyword] = digitsOf(value);
    else if (DATA.has(keyword)) result[keyword] = plainNumbers(value);
    else if (BY_NAME.has(keyword) && isJsonObject(value)) {
      result[keyword] = Object.fromEntries(Object.entries(value).map(([name, each]) => [name, within(each)]));
    } else result[keyword] = within(value);
  }
  if (exact.length > 0) result[EXACT_VALUES] = exact;
  if (Object.keys(bounds).length > 0) result[EXACT_BOUNDS] = bounds;
  return result;
}

const isNumber = (value: unknown) => typeof value === 'number' || value instanceof ExactNumber;

/** Whether a value is within these bounds, which only apply to numbers. */
export function isWithin(bounds: Readonly<Record<string, string>>, value: unknown): boolean {
  if (!isNumber(value)) return true;
  const place = (bound: string) => compareDecimals(digitsOf(value), bound);
  return Object.entries(bounds).every(([keyword, bound]) => BOUNDS.get(keyword)?.(place(bound)) ?? true);
}

/** Whether one number is a whole multiple of another, each as `digitsOf` gives it: 100.1 is one of 0.01. */
export function isMultiple(value: string, step: string): boolean {
  const [one, other] = [partsOf(value), partsOf(step)];
  if (one.sign === 0) return true;
  const powers = one.magnitude - one.digits.length - (other.magnitude - other.digits.length);
  // Its last digit is not zero, so it can't be divided by ten.
  if (powers < 0 || !Number.isSafeInteger(powers)) return false;
  const divisor = BigInt(other.digits);
  return (BigInt(one.digits) * tenTo(powers, divisor)) % divisor === 0n;
}

/** A power of ten, as far as it is not a multiple of the divisor. */
function tenTo(power: number, divisor: bigint): bigint {
  if (power === 0) return 1n % divisor;
  const half = tenTo(Math.floor(power / 2), divisor);
  return (half * half * (power % 2 === 0 ? 1n : 10n)) % divisor;
}

function within(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(within);
  return isJsonObject(value) ? withExactValues(value) : plainNumbers(value);
}

/** Whether a value contains a number that JavaScript can't tell from another one. */
function hasUnsure(value: unknown): boolean {
  if (value instanceof ExactNumber) {
    const near = Number(value.source);
    return hasUnsure(near) || decimal(value.source) !== decimal(String(near));
  }
  if (typeof value === 'number') return Math.abs(value) > Number.MAX_SAFE_INTEGER;
  return typeof value === 'object' && value !== null && Object.values(value).some(hasUnsure);
}

/**
 * A text that is the same for two values exactly if JSON Schema calls them equal: `1.0` is `1`, and keys have no
 * order.
 */
export function digitsOf(value: unknown): string {
  if (value instanceof ExactNumber) return decimal(value.source);
  if (typeof value === 'number') return decimal(String(value));
  if (Array.isArray(value)) return `[${value.map(digitsOf).join()}]`;
  if (!isJsonObject(value)) return JSON.stringify(value) ?? 'null';
  const entries = Object.keys(value)
    .toSorted()
    .map((key) => `${JSON.stringify(key)}:${digitsOf(value[key])}`);
  return `{${entries.join()}}`;
}

const DECIMAL = /^(-?)(\d+)(?:\.(\d*))?(?:e([+-]?\d+))?$/i;

/** A number by its digits and a power of ten. */
function decimal(source: string): string {
  const [, sign = '', whole = '', fraction = '', power = '0'] = DECIMAL.exec(source) ?? [];
  const digits = `${whole}${fraction}`.replace(/^0+/, '');
  const kept = digits.replace(/0+$/, '');
  if (kept === '') return '0';
  return `${sign}${kept}e${Number(power) - fraction.length + digits.length - kept.length}`;
}

/** Which of two numbers, each as `decimal` gives it, is the larger: negative where the second one is. */
function compareDecimals(a: string, b: string): number {
  const [one, other] = [partsOf(a), partsOf(b)];
  if (one.sign !== other.sign) return one.sign - other.sign;
  if (one.magnitude !== other.magnitude) return one.magnitude > other.magnitude ? one.sign : -one.sign;
  // With equally many digits before the point, those after it decide, since none ends with a zero.
  if (one.digits === other.digits) return 0;
  return one.digits > other.digits ? one.sign : -one.sign;
}

function partsOf(decimalText: string) {
  // The power can be too long for digits: `1e+25`, or without end.
  const [, minus = '', digits = '', power = '0'] = /^(-?)(\d+)(?:e(.+))?$/.exec(decimalText) ?? [];
  const sign = digits === '0' ? 0 : minus === '-' ? -1 : 1;
  return { sign, digits, magnitude: digits.length + Number(power) };
}

/** The value at a JSON pointer from a validator. */
export function valueAtPointer(value: unknown, pointer: string): unknown {
  let found = value;
  for (const step of pointer.split('/').slice(1)) {
    const key = step.replaceAll('~1', '/').replaceAll('~0', '~');
    if (Array.isArray(found)) found = found[Number(key)];
    else if (isJsonObject(found)) found = Object.hasOwn(found, key) ? found[key] : undefined;
    else return undefined;
  }
  return found;
}
