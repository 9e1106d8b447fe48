/** Where to cut a text so that its beginning has at most so many characters: behind a line, else a blank, else anywhere. */
function cutOf(text: string, most: number): number {
  const line = text.lastIndexOf('\n', most - 1) + 1;
  if (line > 0) return line;
  const blank = text.lastIndexOf(' ', most - 1) + 1;
  if (blank > 0) return blank;
  // Never within a character of two units.
  const last = text.charCodeAt(most - 1);
  const isHalf = last >= 0xd800 && last < 0xdc00;
  return isHalf && most > 1 ? most - 1 : isHalf ? most + 1 : most;
}

/**
 * Cuts a text at line ends into parts of at most `most` characters; a line that is longer is cut at a blank, or where it
 * must be. The parts put together are the text.
 */
export async function* splitText(pieces: AsyncIterable<string>, most: number): AsyncGenerator<string> {
  let rest = '';
  for await (const piece of pieces) {
    rest += piece;
    while (rest.length > most) {
      const cut = cutOf(rest, most);
      yield rest.slice(0, cut);
      rest = rest.slice(cut);
    }
  }
  if (rest !== '') yield rest;
}
