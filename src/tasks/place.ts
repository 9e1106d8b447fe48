/** How the items of a list are told apart. */
export type PlaceKind = 'requests' | 'line' | 'item' | 'row' | 'file' | 'answer';

/** How the caller would look for an item, as `requests[3]`, `line 4` or `row 4`; `number` counts from 1. */
export function placeName(kind: PlaceKind, number: number): string {
  return kind === 'requests' ? `requests[${number - 1}]` : `${kind} ${number}`;
}
