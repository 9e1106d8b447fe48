import * as z from 'zod';

const MOMENT =
  /^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?) ?(Z|UTC|GMT|[+-]\d{2}(?::?\d{2})?|)?)?$/i;

/**
 * Reads a day (`2026-11-22`, meaning its beginning) or a time (`2026-11-22T08:00`) as milliseconds since 1970.
 * Without a zone it is UTC on every machine. Undefined for anything else, including days that do not exist.
 */
export function readMoment(text: string): number | undefined {
  const [, day = '', clock = '00:00', zone = ''] = MOMENT.exec(text.trim()) ?? [];
  const midnight = Date.parse(`${day}T00:00:00Z`);
  // The 30th of February is read as the 2nd of March.
  if (Number.isNaN(midnight) || !new Date(midnight).toISOString().startsWith(day)) return undefined;
  const offset =
    zone === ''
      ? 'Z'
      : zone
          .toUpperCase()
          .replace(/^(?:UTC|GMT)$/, 'Z')
          .replace(/^([+-]\d{2}):?(\d{2})?$/, (_, hours, minutes = '00') => `${hours}:${minutes}`);
  const time = Date.parse(`${day}T${clock}${offset}`);
  return Number.isNaN(time) ? undefined : time;
}

const SPAN = /^-?(\d{1,4}) ?(min(?:ute)?s?|h|hrs?|hours?|d|days?|w|wks?|weeks?)(?: ago)?$/i;
const MONTHS = /^-?(\d{1,3}) ?(mo|months?|y|yrs?|years?)(?: ago)?$/i;
const MONTH = /^\d{4}-\d{2}$/;
const YEAR = /^20\d{2}$/;
/** Seconds or milliseconds since 1970, within the first half of this century. */
const EPOCH = /^(1[0-9]{9}|2[0-4][0-9]{8})(\d{3})?$/;
/** English dates with a year: `Nov 1, 2026`, `1 November 2026`, `Nov 2026`. */
const WORDS =
  /^(?:[a-z]{3,9}\.? \d{1,2},? 20\d{2}|\d{1,2} [a-z]{3,9}\.?,? 20\d{2}|(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.?,? 20\d{2})$/i;

const UNIT_MS: Record<string, number> = { m: 60_000, h: 3_600_000, d: 86_400_000, w: 7 * 86_400_000 };

/**
 * As `readMoment`, and also what people say instead: a span before now (`7d`, `24 hours`, `2w`, `3 months`), a month or a year (its
 * beginning), `today`, `yesterday`, `last week` (seven days ago), `this month`, `2026/11/01`, `Nov 1, 2026`, `Nov 2026`, seconds since 1970. Which
 * of `11/01/2026` is the day nobody can tell; of `11/26/2026` anybody.
 */
export function readMomentBefore(text: string, now: Date): number | undefined {
  const given = plainWords(text.trim().toLowerCase());
  const named = NAMED[given]?.(now) ?? weekdayBefore(given, now);
  if (named !== undefined) return named;
  const [, count, unit = ''] = SPAN.exec(given) ?? [];
  if (count !== undefined) return now.getTime() - Number(count) * (UNIT_MS[unit[0] ?? ''] ?? 0);
  const [, months, of = ''] = MONTHS.exec(given) ?? [];
  if (months !== undefined) return beforeMonths(now, Number(months) * (of.startsWith('y') ? 12 : 1));
  const [, seconds, milliseconds = '000'] = EPOCH.exec(given) ?? [];
  if (seconds !== undefined) return Number(seconds + milliseconds);
  if (YEAR.test(given)) return readMoment(`${given}-01-01`);
  if (WORDS.test(given)) return ofWords(given);
  return (
    readMoment(MONTH.test(given) ? `${given}-01` : given.replace(/^(\d{4})\/(\d{2})\/(\d{2})/, '$1-$2-$3')) ??
    ofDigits(given)
  );
}

const NUMBERS = ['an?|one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine', 'ten'];

/** `two days` and `the past 2 days` as `2 days`, `P2D` too. */
function plainWords(given: string): string {
  const short = given
    .replace(/^(?:since|from) /, '')
    .replace(/^(?:in )?(?:the )?(?:last|past) (?=\d|[a-z]+ \w)/, '')
    .replace(/^pt?(\d{1,4})([hdw])$/, '$1$2');
  return NUMBERS.reduce(
    (said, word, index) => said.replace(new RegExp(`^(?:${word}) `), `${index + 1} `),
    short,
  );
}

const WEEKDAYS = ['sunday', 'monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday'];

/** The beginning of the most recent day of that name: `last` is never today. */
function weekdayBefore(given: string, now: Date): number | undefined {
  const day = WEEKDAYS.indexOf(given.replace(/^last /, ''));
  if (day === -1) return undefined;
  const ago = (now.getUTCDay() - day + 7) % 7;
  return dayOf(now) - (ago === 0 && given.startsWith('last ') ? 7 : ago) * DAY_MS;
}

/** `20261101`; `26.11.2026` and `11/26/2026` in either order, as far as one of the two can only be the day. */
function ofDigits(given: string): number | undefined {
  const [, year, month, day] = /^(20\d{2})(\d{2})(\d{2})$/.exec(given) ?? [];
  if (year !== undefined) return readMoment(`${year}-${month}-${day}`);
  const [, one = '', , two = '', of] = /^(\d{1,2})([./])(\d{1,2})\2(20\d{2})$/.exec(given) ?? [];
  const isDayFirst = Number(one) > 12;
  if (of === undefined || (!isDayFirst && Number(two) <= 12)) return undefined;
  const [dayOf, monthOf] = isDayFirst ? [one, two] : [two, one];
  return readMoment(`${of}-${monthOf.padStart(2, '0')}-${dayOf.padStart(2, '0')}`);
}

const DAY_MS = 86_400_000;
const dayOf = (now: Date) => Date.UTC(now.getUTCFullYear(), now.getUTCMonth(), now.getUTCDate());
const monthOf = (now: Date, before: number) => Date.UTC(now.getUTCFullYear(), now.getUTCMonth() - before);

const NAMED: Record<string, (now: Date) => number> = {
  now: (now) => now.getTime(),
  today: dayOf,
  yesterday: (now) => dayOf(now) - DAY_MS,
  'last week': (now) => now.getTime() - 7 * DAY_MS,
  'last 24 hours': (now) => now.getTime() - DAY_MS,
  'this month': (now) => monthOf(now, 0),
  'last month': (now) => monthOf(now, 1),
  'this year': (now) => Date.UTC(now.getUTCFullYear(), 0),
  'last year': (now) => Date.UTC(now.getUTCFullYear() - 1, 0),
};

/** The same day of an earlier month, or that month's last one. */
function beforeMonths(now: Date, months: number): number {
  const then = new Date(now);
  then.setUTCMonth(then.getUTCMonth() - months);
  // A day that the month lacks is read as one of the next month.
  if (then.getUTCDate() !== now.getUTCDate()) then.setUTCDate(0);
  return then.getTime();
}

function ofWords(given: string): number | undefined {
  const time = Date.parse(`${given} UTC`);
  const day = Number(/\b\d{1,2}\b/.exec(given)?.[0] ?? 1);
  return Number.isNaN(time) || new Date(time).getUTCDate() !== day ? undefined : time;
}

/**
 * Starts a clock that also counts sleep; the returned function gives the milliseconds passed. Takes the larger of two
 * clocks: the monotonic one stops while the computer sleeps, and the wall clock can be set back.
 */
export function startClock(): () => number {
  const [wall, steady] = [Date.now(), performance.now()];
  return () => Math.max(Date.now() - wall, performance.now() - steady);
}

/** A stored time as text: times that no clock can have shown are refused before anything is computed from them. */
export const momentText = z
  .string()
  .refine((text) => !Number.isNaN(Date.parse(text)), { error: 'not a time, as in 2026-11-22T09:30:00.000Z' });
