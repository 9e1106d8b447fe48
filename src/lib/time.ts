const MOMENT =
  /^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?) ?(Z|[+-]\d{2}:?\d{2}|)?)?$/i;

/**
 * A day (`2026-11-22`, its beginning) or a time (`2026-11-22T08:00`) in milliseconds since 1970. Without a zone it is UTC,
 * on every machine alike. Undefined for anything else, and for a day that no calendar has.
 */
export function readMoment(text: string): number | undefined {
  const [, day = '', clock = '00:00', zone = ''] = MOMENT.exec(text.trim()) ?? [];
  const midnight = Date.parse(`${day}T00:00:00Z`);
  // The 30th of February is read as the 2nd of March.
  if (Number.isNaN(midnight) || !new Date(midnight).toISOString().startsWith(day)) return undefined;
  const offset = zone === '' ? 'Z' : zone.toUpperCase().replace(/^([+-]\d{2})(\d{2})$/, '$1:$2');
  const time = Date.parse(`${day}T${clock}${offset}`);
  return Number.isNaN(time) ? undefined : time;
}

const SPAN = /^-?(\d{1,4}) ?(min(?:ute)?s?|h|hours?|d|days?|w|weeks?)(?: ago)?$/i;
const MONTHS = /^-?(\d{1,3}) ?months?(?: ago)?$/i;
const MONTH = /^\d{4}-\d{2}$/;
const YEAR = /^20\d{2}$/;
/** In seconds or milliseconds since 1970, of this century's first half. */
const EPOCH = /^(1[0-9]{9}|2[0-4][0-9]{8})(\d{3})?$/;
/** In English, the year told: `Nov 1, 2026`, `1 November 2026`. */
const WORDS = /^(?:[a-z]{3,9}\.? \d{1,2},? 20\d{2}|\d{1,2} [a-z]{3,9}\.?,? 20\d{2})$/i;

const UNIT_MS: Record<string, number> = { m: 60_000, h: 3_600_000, d: 86_400_000, w: 7 * 86_400_000 };

/**
 * As `readMoment`, and also what people say instead: a span before now (`7d`, `24 hours`, `2w`, `3 months`), a month or a year (its
 * beginning), `today`, `yesterday`, `last week` (seven days ago), `this month`, `2026/11/01`, `Nov 1, 2026`, seconds since 1970. Which
 * of `11/01/2026` is the day nobody can tell.
 */
export function readMomentBefore(text: string, now: Date): number | undefined {
  const given = text.trim().toLowerCase();
  const named = NAMED[given]?.(now);
  if (named !== undefined) return named;
  const [, count, unit = ''] = SPAN.exec(given) ?? [];
  if (count !== undefined) return now.getTime() - Number(count) * (UNIT_MS[unit[0] ?? ''] ?? 0);
  const [, months] = MONTHS.exec(given) ?? [];
  if (months !== undefined) return beforeMonths(now, Number(months));
  const [, seconds, milliseconds = '000'] = EPOCH.exec(given) ?? [];
  if (seconds !== undefined) return Number(seconds + milliseconds);
  if (YEAR.test(given)) return readMoment(`${given}-01-01`);
  if (WORDS.test(given)) return ofWords(given);
  return readMoment(
    MONTH.test(given) ? `${given}-01` : given.replace(/^(\d{4})\/(\d{2})\/(\d{2})/, '$1-$2-$3'),
  );
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
};

/** The same day of an earlier month, or that month's last one. */
function beforeMonths(now: Date, months: number): number {
  const then = new Date(now);
  then.setUTCMonth(then.getUTCMonth() - months);
  // A day that the month has not is read as one of the next.
  if (then.getUTCDate() !== now.getUTCDate()) then.setUTCDate(0);
  return then.getTime();
}

function ofWords(given: string): number | undefined {
  const time = Date.parse(`${given} UTC`);
  const day = Number(/\b\d{1,2}\b/.exec(given)?.[0]);
  return Number.isNaN(time) || new Date(time).getUTCDate() !== day ? undefined : time;
}

/**
 * Starts a clock that counts sleep, and gives how many milliseconds have passed by it. A suspended computer stops the
 * one of the two that only goes forward, and the other can be set back.
 */
export function startClock(): () => number {
  const [wall, steady] = [Date.now(), performance.now()];
  return () => Math.max(Date.now() - wall, performance.now() - steady);
}
