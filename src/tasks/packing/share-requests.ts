import type { SharedRequest } from '../block.ts';
import { type Circumstances, checkRendered } from '../examine/check-rendered.ts';
import { type Group, isDearer, packOf } from './packer.ts';

const FEWER =
  'a request is shared by fewer tasks than pack says: more would not fit, or would cost more a token';

/** Puts tasks into one request, or into several where a single one would be too large or dearer. */
export function requestsOf(
  group: Group,
  wasShortened: boolean,
  circumstances: Circumstances & { nonce: string },
): SharedRequest[] {
  const { dialect, nonce } = circumstances;
  const [first, ...others] = group;
  const { entry, rendered } = first;
  if (others.length === 0) {
    const body = dialect.requests.encode(entry.custom_id ?? entry.task_id, rendered.params);
    return [{ body, request: rendered, tasks: group }];
  }
  const pack = packOf(group, dialect);
  const id = `pack_${first.number}_${nonce}`;
  const body = dialect.requests.encode(id, pack.params);
  const { problems, warnings } = checkRendered(pack, Buffer.byteLength(body), circumstances);
  if (problems.length > 0 || isDearer(pack, rendered)) {
    const half = Math.ceil(group.length / 2);
    const [next, ...rest] = group.slice(half);
    return [
      ...requestsOf([first, ...group.slice(1, half)], true, circumstances),
      ...(next === undefined ? [] : requestsOf([next, ...rest], true, circumstances)),
    ];
  }
  const notes = [...warnings, ...(wasShortened ? [FEWER] : [])];
  const tasks = group.map(({ entry, rendered, number, warnings }) => ({
    entry: { ...entry, pack: id, max_tokens: rendered.max_tokens },
    rendered,
    number,
    warnings: [...new Set([...warnings, ...notes])],
  }));
  return [{ body, request: pack, tasks }];
}
