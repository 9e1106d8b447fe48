import * as z from 'zod';

/** Marks arguments that name files. What is made of a schema (a described field, one without a key) keeps the mark. */
const marks = z.registry<{ namesFiles: true }>();

/** The name of a file, or a pattern of names, as an argument. */
export const fileArgument = z.string().min(1).register(marks, { namesFiles: true });

/** The files that arguments name, by the operation's own schema, as they were given; what has another form names none. */
export function filesNamed(schema: unknown, given: unknown): string[] {
  if (given === undefined || given === null) return [];
  if (schema instanceof z.ZodString) {
    return marks.get(schema)?.namesFiles && typeof given === 'string' ? [given] : [];
  }
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodNullable) {
    return filesNamed(schema.unwrap(), given);
  }
  if (schema instanceof z.ZodPipe) return [...filesNamed(schema.in, given), ...filesNamed(schema.out, given)];
  if (schema instanceof z.ZodUnion) return schema.options.flatMap((option) => filesNamed(option, given));
  if (schema instanceof z.ZodArray) {
    return [given].flat().flatMap((each) => filesNamed(schema.element, each));
  }
  if (schema instanceof z.ZodObject) {
    const fields = new Map(Object.entries(given));
    return Object.entries(schema.shape).flatMap(([name, field]) => filesNamed(field, fields.get(name)));
  }
  return [];
}
