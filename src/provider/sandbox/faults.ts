export type FaultRoute = 'create' | 'retrieve' | 'list' | 'cancel' | 'results' | 'count' | 'models';

/** What goes wrong on any route. */
type AnyRouteFault =
  /** An error of the API; on a create nothing is made, unless `commits`, which an honest API does not say. */
  | { kind: 'status'; status: number; retry_after_seconds?: number; error_code?: string; commits?: boolean }
  /** The answer never comes; what was asked is done only with `commits`. */
  | { kind: 'hang'; commits?: boolean }
  /** The connection is reset, and what was asked is not done. */
  | { kind: 'reset_before_commit' }
  /** What was asked is done, and the connection reset instead of an answer. */
  | { kind: 'reset_after_commit' }
  /** What was asked is done; the answer has a good status and is no JSON. */
  | { kind: 'unreadable' };

/** What goes wrong with the lines of a download. */
export type LinesFault =
  /** The answer ends cleanly after this many lines (default 1). */
  | { kind: 'cut_at_line'; after_lines?: number }
  /** The answer ends cleanly in the middle of the line after these (default 1). */
  | { kind: 'cut_in_line'; after_lines?: number }
  /** The connection is destroyed in the middle of the line after these (default 1). */
  | { kind: 'cut_socket'; after_lines?: number }
  /** This line (1-based, default 1) is left out. */
  | { kind: 'drop_line'; line?: number };

/** One thing that goes wrong, at the `nth` request of its route (1-based), else at every one. */
export type Fault = { nth?: number } & (
  | ({ route: FaultRoute } & AnyRouteFault)
  | ({ route: 'results' } & LinesFault)
);

export type FaultPlan = {
  /** Counts a request of this route and gives back what is to go wrong with it. */
  next(route: FaultRoute): Fault | undefined;
};

export function createFaultPlan(faults: readonly Fault[]): FaultPlan {
  const seen = new Map<FaultRoute, number>();
  return {
    next(route) {
      const count = (seen.get(route) ?? 0) + 1;
      seen.set(route, count);
      return faults.find(
        (fault) => fault.route === route && (fault.nth === undefined || fault.nth === count),
      );
    },
  };
}
