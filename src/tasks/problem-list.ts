import { BatchError, PROBLEMS_NAMED, type Problem } from '../errors.ts';
import { counted } from '../lib/numbers.ts';

/** Collects problems as a pass finds them: keeps the first, and counts them all. */
export type ProblemList = {
  add(...problems: Problem[]): void;
  /**
   * Adds problems of the work as a whole, which come first. They are the cause of single tasks' problems with the
   * same field, which are left out then.
   */
  addShared(...problems: Problem[]): void;
  /** Counts further problems by field, without naming them. */
  addUnnamed(counts: ReadonlyMap<string, number>): void;
  readonly count: number;
  /** Throws `invalid_input` with `message` where there was any problem. */
  throwIfAny(message: string): void;
};

export function createProblemList(): ProblemList {
  const shared: Problem[] = [];
  const kept = createKeptProblems<Problem>();
  const isCaused = (field: string) => shared.some((problem) => (problem.field ?? '') === field);
  return {
    add(...problems) {
      for (const problem of problems) kept.add(problem);
    },
    addShared(...problems) {
      shared.push(...problems);
    },
    addUnnamed(counts) {
      kept.addUnnamed(counts);
    },
    get count() {
      return shared.length + kept.count((field) => !isCaused(field));
    },
    throwIfAny(message) {
      const { problems, count } = toldOnce(kept, (field) => !isCaused(field));
      const all = [...shared, ...problems];
      if (shared.length + count === 0) return;
      throw new BatchError('invalid_input', message, {
        problems: all.slice(0, PROBLEMS_NAMED),
        problemCount: shared.length + count,
      });
    },
  };
}

/** A problem of a task that is caused by shared settings: it is reported once for all such tasks. */
type OfSettings = Problem & { isShared: true };

export function ofSettings(problem: Problem): Problem {
  const marked: OfSettings = { ...problem, isShared: true };
  return marked;
}

const isOfSettings = (problem: Problem): problem is OfSettings => 'isShared' in problem;

/** The problems of the chosen fields; one that a shared setting causes in many tasks once, with their number. */
function toldOnce(kept: KeptProblems<Problem>, isMeant: (field: string) => boolean) {
  const meant = kept.all().filter(({ field = '' }) => isMeant(field));
  const isAlike = (a: Problem) => (b: Problem) =>
    isOfSettings(b) && a.field === b.field && a.problem === b.problem;
  let count = kept.count(isMeant);
  const problems = meant.flatMap((problem): Problem[] => {
    if (!isOfSettings(problem)) return [problem];
    const alike = meant.filter(isAlike(problem));
    if (alike[0] !== problem) return [];
    const ofField = meant.filter(({ field }) => field === problem.field).length;
    // Where all kept problems of the field are alike, so are those that were only counted.
    const tasks = alike.length === ofField ? kept.count((field) => field === problem.field) : alike.length;
    const { item, isShared: _marked, ...rest } = problem;
    if (tasks === 1) return [{ ...(item !== undefined && { item }), ...rest }];
    count -= tasks - 1;
    return [{ ...rest, problem: `${rest.problem} (${counted(tasks, 'task')})` }];
  });
  return { problems, count };
}

/** For how many fields problems are kept: tasks can have any number of field names. */
const FIELDS_KEPT = 20;

type KeptProblems<P> = {
  add(problem: P): void;
  addUnnamed(counts: ReadonlyMap<string, number>): void;
  all(): P[];
  unnamed(): ReadonlyMap<string, number>;
  /** How many problems the chosen fields have. */
  count(isMeant: (field: string) => boolean): number;
};

/** Keeps the first problems of each field, in their order, and counts the rest. */
export function createKeptProblems<P extends { field?: string }>(): KeptProblems<P> {
  const problems: P[] = [];
  const named = new Map<string, number>();
  const unnamed = new Map<string, number>();
  const addUnnamed = (field: string, more: number) => unnamed.set(field, (unnamed.get(field) ?? 0) + more);
  return {
    add(problem: P) {
      const { field = '' } = problem;
      const before = named.get(field) ?? (named.size < FIELDS_KEPT ? 0 : PROBLEMS_NAMED);
      if (before >= PROBLEMS_NAMED) return addUnnamed(field, 1);
      named.set(field, before + 1);
      problems.push(problem);
    },
    addUnnamed(counts: ReadonlyMap<string, number>) {
      for (const [field, more] of counts) addUnnamed(field, more);
    },
    all: () => problems,
    unnamed: () => unnamed,
    count: (isMeant) =>
      problems.filter(({ field = '' }) => isMeant(field)).length +
      [...unnamed].reduce((sum, [field, more]) => sum + (isMeant(field) ? more : 0), 0),
  };
}
