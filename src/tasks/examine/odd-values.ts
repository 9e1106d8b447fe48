import { findWithin } from '../../lib/half-characters.ts';

const isRounded = (value: unknown) =>
  typeof value === 'number' && Number.isInteger(value) && !Number.isSafeInteger(value);

const NAMED_NUMBERS = 3;

/** Numbers of a call's own arguments that can't be right: the client has parsed them, and only that is seen here. */
export const roundedWarnings = (value: unknown): string[] =>
  [...findWithin(value, isRounded)]
    .slice(0, NAMED_NUMBERS)
    .map(
      (field) =>
        `${field} is a whole number above 2^53, which was rounded on its way here: give it as a text`,
    );
