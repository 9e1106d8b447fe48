import { findWithin } from './find-within.ts';

/** How the base64 of files begins that a model could look at. */
const BASE64 =
  /^(?:data:(?:image|application\/pdf)[^,]{0,80};base64,|iVBORw0KGgo|\/9j\/|R0lGOD|UklGR|JVBERi0)/;
const LEAST_BASE64 = 64;
/** A name has few words; a line of a log can end with one. */
const MEDIA_NAME = /^(?!\S+(?:\s+\S+){3})[^\n{}<>]{0,300}\.(?:png|jpe?g|gif|webp|heic|tiff?|bmp|pdf)$/i;
/** More of one task are hardly worth the lines. */
const NAMED = 3;

const isBase64 = (value: unknown) =>
  typeof value === 'string' &&
  value.length >= LEAST_BASE64 &&
  BASE64.test(value) &&
  (value.startsWith('data:') || /^[\w+/=\r\n-]+$/.test(value.slice(0, 200)));
const isName = (value: unknown) => typeof value === 'string' && value.length <= 310 && MEDIA_NAME.test(value);

/** What of a task's input is a file for a person, and for the model only a text. */
export function mediaWarnings(input: Readonly<Record<string, unknown>>, field: string): string[] {
  const warnings: string[] = [];
  for (const at of findWithin(input, (value) => isBase64(value) || isName(value), field)) {
    if (warnings.length === NAMED) break;
    const what = [...findWithin(input, isBase64, field)].includes(at)
      ? 'is the base64 of an image or PDF'
      : 'names an image or PDF, which is not opened';
    warnings.push(
      `${at} ${what}: it is sent as text, and the model sees no image. Give the files in input_files, or native params with an ` +
        'image or document block',
    );
  }
  return warnings;
}
