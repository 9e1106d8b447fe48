import { randomBytes } from 'node:crypto';

/**
 * Proves that a provider's batch is a part of ours: nobody else has an id like that of its last request. It is put in
 * when the part is sent and replaced when results are read; on disk there is the request's own id.
 */
export type Mark = {
  /** The id that the last request is sent under. */
  sent: string;
  /** The request's own. */
  own: string;
};

const RANDOM = 20;
const MARKED = /^(.+)_mark_[a-zA-Z0-9]{20}$/;

/** Bytes that a mark adds to a body at most. */
export const MARK_BYTES = '_mark_'.length + RANDOM;

/** Makes the mark of a part: `<own>_mark_<random>`, its front shortened where it would be longer than the provider takes. */
export function createMark(own: string, longest: number): Mark {
  return { own, sent: `${own.slice(0, longest - MARK_BYTES)}_mark_${randomText()}` };
}

/** 119 random bits, in letters and digits. */
function randomText(): string {
  let text = '';
  while (text.length < RANDOM) {
    text += randomBytes(2 * RANDOM)
      .toString('base64')
      .replaceAll(/[^a-zA-Z0-9]/g, '');
  }
  return text.slice(0, RANDOM);
}

/** Under what a request of a part is sent, by its own id. */
export function sentId(mark: Mark | undefined, own: string): string {
  return mark?.own === own ? mark.sent : own;
}

/** The own id of a request that is known only by what it was sent under, as far as that tells: of a part that is not on record here. */
export function ownId(sent: string): string {
  return MARKED.exec(sent)?.[1] ?? sent;
}

/** A line of results under the request's own id. */
export function underOwnId(line: string, own: string, marks: readonly Mark[]): string {
  const mark = marks.find((each) => each.own === own && line.includes(each.sent));
  return mark === undefined ? line : line.replace(mark.sent, own);
}
