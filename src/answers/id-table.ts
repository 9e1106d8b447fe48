/** FNV-1a over the UTF-16 code units. */
function hashOf(id: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < id.length; at += 1) hash = Math.imul(hash ^ id.charCodeAt(at), 0x01000193);
  // Its low bits choose the place, and those of ids that count up are the least mixed.
  return (hash ^ (hash >>> 15)) >>> 0;
}

/** Code units of an id in the mean, to begin with. */
const USUAL_LENGTH = 16;

/**
 * Ids and the positions at which they were added, from 0. A Map with a hundred thousand of them takes three times the
 * memory, which the collector has to walk through, and four times as long to find one, each lying elsewhere.
 */
export function createIdTable(count: number) {
  /** A position plus 1, at the place of its id's hash or the next free one; 0 is free. Never over half full. */
  const places = new Uint32Array(2 ** Math.ceil(Math.log2(count * 2 + 1)));
  const mask = places.length - 1;
  /** All ids one after another, and where each ends. */
  let text = new Uint16Array(count * USUAL_LENGTH);
  const ends = new Uint32Array(count);
  let added = 0;

  function isAt(position: number, id: string): boolean {
    const start = position === 0 ? 0 : (ends[position - 1] ?? 0);
    if ((ends[position] ?? 0) - start !== id.length) return false;
    for (let at = 0; at < id.length; at += 1) if (text[start + at] !== id.charCodeAt(at)) return false;
    return true;
  }

  /** Where the id is, or else would be. */
  function placeOf(id: string): number {
    let place = hashOf(id) & mask;
    for (let found = places[place] ?? 0; found !== 0; found = places[place] ?? 0) {
      if (isAt(found - 1, id)) return place;
      place = (place + 1) & mask;
    }
    return place;
  }

  return {
    /** The next id, of `count` in all. Of one that comes again the later position stands. */
    add(id: string): void {
      const start = added === 0 ? 0 : (ends[added - 1] ?? 0);
      if (start + id.length > text.length) {
        const longer = new Uint16Array((start + id.length) * 2);
        longer.set(text);
        text = longer;
      }
      for (let at = 0; at < id.length; at += 1) text[start + at] = id.charCodeAt(at);
      ends[added] = start + id.length;
      added += 1;
      places[placeOf(id)] = added;
    },
    /** Undefined for an id that was not added. */
    position(id: string): number | undefined {
      const found = places[placeOf(id)] ?? 0;
      return found === 0 ? undefined : found - 1;
    },
  };
}
