import type { Context } from './context.ts';

type Clocks = Pick<Context, 'store' | 'now' | 'upMs'>;

/** When something was, by the clock on the wall and by that of the machine that saw it, which nobody sets. */
export type Moment = { at: string; up?: { host: string; ms: number } };

/** Now, as a moment that is kept. */
export function momentNow({ store, now, upMs }: Clocks): Required<Moment> {
  return { at: now().toISOString(), up: { host: store.presence.self().host, ms: upMs() } };
}

/** What `os.uptime` counts in, in milliseconds: libuv has whole seconds but for these. */
const UP_STEPS: Partial<Record<NodeJS.Platform, number>> = { linux: 10, win32: 20 };
const UP_STEP_MS = UP_STEPS[process.platform] ?? 1_000;

/** How many milliseconds have passed since, or a little less, never more: seen from another machine, or by a version before, only the clock on the wall tells. */
export function elapsedSince({ store, now, upMs }: Clocks, { at, up }: Moment): number {
  if (up !== undefined && up.host === store.presence.self().host) return upMs() - up.ms - UP_STEP_MS;
  return now().getTime() - Date.parse(at);
}
