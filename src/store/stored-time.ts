import * as z from 'zod';

/** A moment as records hold it: one that no clock can have shown is damage, and told before anything is reckoned by it. */
export const storedTime = z
  .string()
  .refine((text) => !Number.isNaN(Date.parse(text)), { error: 'not a time, as in 2026-11-22T09:30:00.000Z' });
