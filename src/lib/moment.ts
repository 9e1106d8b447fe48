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

const SPAN = /^-?(\d{1,4}) ?(h|hours?|d|days?|w|weeks?)(?: ago)?$/i;
const MONTH = /^\d{4}-\d{2}$/;

const UNIT_MS: Record<string, number> = { h: 3_600_000, d: 86_400_000, w: 7 * 86_400_000 };

/** As `readMoment`, and also a span before now (`7d`, `24 hours`, `2w`) or a month (`2026-11`, its beginning). */
export function readMomentBefore(text: string, now: Date): number | undefined {
  const given = text.trim();
  const [, count, unit = ''] = SPAN.exec(given) ?? [];
  if (count !== undefined)
    return now.getTime() - Number(count) * (UNIT_MS[unit[0]?.toLowerCase() ?? ''] ?? 0);
  return readMoment(MONTH.test(given) ? `${given}-01` : given);
}
