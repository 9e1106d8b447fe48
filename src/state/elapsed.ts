import type { Context } from './context.ts';

type Clocks = Pick<Context, 'store' | 'now' | 'upMs'>;

/** When something was, by the clock on the wall and by that of the machine that saw it, which nobody sets. */
export type Moment = { at: string; up?: { host: string; ms: number } };

/** Now, as a moment that is kept. */
export function momentNow({ store, now, upMs }: Clocks): Required<Moment> {
  return { at: now().toISOString(), up: { host: store.presence.self().host, ms: upMs() } };
}

/** How many milliseconds have passed since: seen from another machine, or by a version before, only the clock on the wall tells. */
export function elapsedSince({ store, now, upMs }: Clocks, { at, up }: Moment): number {
  if (up !== undefined && up.host === store.presence.self().host) return upMs() - up.ms;
  return now().getTime() - Date.parse(at);
}
