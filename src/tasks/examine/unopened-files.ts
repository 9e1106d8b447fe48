import { valuesWithin } from '../../lib/half-characters.ts';

/** How base64 of files begins: of files that a model could read, and of others. */
const MEDIA_BASE64 =
  /^(?:iVBORw0KGgo|\/9j\/|R0lGOD|UklGR|JVBERi0|SUkqA|TU0AK|Qk[\w+/]{6}AAAAA|AAAA[\w+/]{2}Z0eX[AB])/;
const OTHER_BASE64 = /^(?:UEsDB|0M8R4KGx|H4sI|SUQz|T2dnUw|UmFyI|N3q8rycc)/;
const LEAST_BASE64 = 64;
const DATA_URL = /data:([\w.+-]{1,80}\/[\w.+-]{1,80})?(?:;[\w=.+-]{1,80})*;base64,[\w+/]{40}/i;
const MEDIA_TYPE = /^(?:image\/|application\/pdf$)/i;

const ENDINGS = String.raw`\.(?:png|jpe?g|gif|webp|avif|hei[cf]|tiff?|bmp|svg|ico|pdf)(?:[?#]\S{0,300})?`;
const PATH_START = String.raw`(?:file:\/\/|[a-z]:[\\/]|\\\\|~?\/|\.{1,2}[\\/])`;
/** Text that begins like a path or a URL may have any number of words; a line of a log may end with a file name. */
const MEDIA_NAME = new RegExp(
  String.raw`^(?:${PATH_START}|[a-z]{1,20}:\/\/|(?!\S+(?:\s+\S+){3}))[^\n{}<>]{0,300}${ENDINGS}$`,
  'i',
);
const MEDIA_PATH = new RegExp(
  String.raw`(?:^|[\s"'(\x60])${PATH_START}[^\s"'()<>\x60]{0,300}${ENDINGS}(?!\w)`,
  'i',
);
/** Any other file is recognized by its path: a mere name may be what a task is about. */
const OTHER_PATH = new RegExp(
  String.raw`^(?:${PATH_START}[^\n{}<>]{0,300}|(?:[\w.@-]{1,60}[\\/]){1,20}[\w.@-]{1,100})\.[a-z]\w{0,7}$`,
  'i',
);
const LONGEST_NAME = 620;
/** A longer prompt has code or a page in it, where paths are no mistake. */
const LONGEST_SENTENCE = 300;
/** More of one task are not worth reporting. */
const NAMED = 3;

type Kind = { what: string; isMedia: boolean };

/** Describes a text that a person would take for a file; null for any other. */
function fileIn(text: string): Kind | null {
  const start = text.trimStart().slice(0, 200);
  const url = DATA_URL.exec(text);
  if (url !== null) {
    const isMedia = MEDIA_TYPE.test(url[1] ?? '');
    return { what: `${url.index === 0 ? 'is' : 'holds'} ${isMedia ? MEDIA_DATA : OTHER_DATA}`, isMedia };
  }
  if (text.length >= LEAST_BASE64 && /^[\w+/=\r\n-]+$/.test(start)) {
    if (MEDIA_BASE64.test(start)) return { what: `is ${MEDIA_DATA}`, isMedia: true };
    if (OTHER_BASE64.test(start)) return { what: `is ${OTHER_DATA}`, isMedia: false };
  }
  if (text.length > LONGEST_NAME || !MEDIA_NAME.test(text.trim())) return null;
  return { what: 'names an image or PDF, which is not opened', isMedia: true };
}

const MEDIA_DATA = 'the base64 of an image or PDF';
const OTHER_DATA = 'the base64 of a file';

const said = (at: string, { what, isMedia }: Kind) =>
  isMedia
    ? `${at} ${what}: it is sent as text, and the model sees no image. Give the files in input_files, or native params with an ` +
      'image or document block'
    : `${at} ${what}: the model reads no more than that. Give the files in input_files`;

const isOtherPath = (text: string) => text.length <= LONGEST_NAME && OTHER_PATH.test(text.trim());

/** Warns of inputs that name or contain a file, which is only text to the model. */
export function fileWarnings(input: Readonly<Record<string, unknown>>, field: string): string[] {
  const warnings: string[] = [];
  const paths: string[] = [];
  let texts = 0;
  for (const { at, value, isKey } of valuesWithin(input, field)) {
    if (isKey || typeof value !== 'string') continue;
    texts += 1;
    const kind = fileIn(value);
    if (kind !== null) warnings.push(said(at, kind));
    else if (isOtherPath(value))
      paths.push(said(at, { what: 'names a file, which is not opened', isMedia: false }));
  }
  // Beside a text, a path only says where it comes from.
  const isAllPaths = texts === warnings.length + paths.length;
  return [...warnings, ...(isAllPaths ? paths : [])].slice(0, NAMED);
}

/** The same for a prompt, which may also just mention a file. */
export function filesInPrompt(prompt: string): string[] {
  const found = fileWarnings({ prompt }, '');
  if (found.length > 0 || prompt.length > LONGEST_SENTENCE || !MEDIA_PATH.test(prompt)) return found;
  return [said('prompt', { what: 'names an image or PDF, which is not opened', isMedia: true })];
}
