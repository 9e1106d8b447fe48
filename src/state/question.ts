/** What a person is asked before money is spent. */
export type Question = {
  /** In words, with the figures. */
  message: string;
  /** What the work can cost at most, in US dollars. */
  maximum: number;
  /** Tells the work from any other: a yes is for this alone. */
  work: string;
};

/**
 * What came of it. `unable`: whoever calls can't put a question to a person; `late`: the call in which it could have been
 * put was answered before there was a question.
 */
export type Answer = GivenAnswer | 'unable' | 'late';

/** What a person answered, or that they did not. */
export type GivenAnswer = 'approved' | 'declined' | 'canceled' | 'unanswered';

/** Puts a question to the person behind a call, who may take so long, in a way that no argument of a call can answer. */
export type Ask = (question: Question, patienceMs: number) => Promise<Answer>;
