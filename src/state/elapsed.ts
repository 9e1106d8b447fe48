import type { Context } from './context.ts';

type Clocks = Pick<Context, 'store' | 'now' | 'upMs'>;

/** When something happened, by the wall clock and by the uptime of the machine that saw it, which nobody sets. */
type Moment = { at: string; up?: { host: string; ms: number } };

/** The present moment, to be stored. */
export function momentNow({ store, now, upMs }: Clocks): Required<Moment> {
  return { at: now().toISOString(), up: { host: store.presence.self().host, ms: upMs() } };
}

/** The resolution of `os.uptime` in milliseconds: libuv counts whole seconds except on these platforms. */
const UP_STEPS: Partial<Record<NodeJS.Platform, number>> = { linux: 10, win32: 20 };
const UP_STEP_MS = UP_STEPS[process.platform] ?? 1_000;

/**
 * How many milliseconds have passed since a moment, or a little less, never more. For a moment from another machine
 * or an older version only the wall clock can tell.
 */
export function elapsedSince({ store, now, upMs }: Clocks, { at, up }: Moment): number {
  if (up !== undefined && up.host === store.presence.self().host) return upMs() - up.ms - UP_STEP_MS;
  return now().getTime() - Date.parse(at);
}
