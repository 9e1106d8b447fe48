const FENCE = /^( {0,3})(?:(`{3,})[^`]*|(~{3,}).*)$/;

/** Blocks of HTML that only an end of their own closes, as in CommonMark: until there everything belongs to them. */
const HTML: { start: RegExp; end: RegExp; closing: (line: string) => string }[] = [
  {
    start: /^ {0,3}<(pre|script|style|textarea)(?=[\s>]|$)/i,
    end: /<\/(pre|script|style|textarea)>/i,
    closing: (line) => `</${/<(\w+)/.exec(line)?.[1] ?? 'pre'}>`,
  },
  { start: /^ {0,3}<!--/, end: /-->/, closing: () => '-->' },
  { start: /^ {0,3}<\?/, end: /\?>/, closing: () => '?>' },
  { start: /^ {0,3}<!\[CDATA\[/, end: /\]\]>/, closing: () => ']]>' },
  { start: /^ {0,3}<![A-Za-z]/, end: />/, closing: () => '>' },
];

/** A block that a line begins, and what ends it. */
type Open = { ends: (line: string) => boolean; closing: string };

function opened(line: string): Open | null {
  const [, indent = '', backticks, tildes] = FENCE.exec(line) ?? [];
  const fence = backticks ?? tildes;
  if (fence !== undefined) {
    const mark = fence.charAt(0);
    const ending = new RegExp(`^ {0,3}${mark}{${fence.length},}[ \\t]*$`);
    // Set in as it began: in an item of a list it then ends within that item.
    return { ends: (each) => ending.test(each), closing: indent + fence };
  }
  const found = HTML.find(({ start }) => start.test(line));
  if (found === undefined || found.end.test(line.replace(found.start, ''))) return null;
  return { ends: (each) => found.end.test(each), closing: found.closing(line) };
}

/** The line that a text in Markdown lacks to close a block that would go on behind it; null where it lacks none. */
export function whatIsOpen(text: string): string | null {
  if (!/[`~<]/.test(text)) return null;
  let open: Open | null = null;
  for (const line of text.split(/\r\n|\n|\r/)) {
    if (open === null) open = opened(line);
    else if (open.ends(line)) open = null;
  }
  return open === null ? null : open.closing;
}
