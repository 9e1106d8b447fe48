import type { Problem } from '../../../errors.ts';
import { isJsonObject } from '../../../lib/json.ts';
import type { Params } from '../../dialect.ts';

/** Prompt caching documentation. */
const MOST_BREAKPOINTS = 4;
const TTLS: readonly unknown[] = ['5m', '1h', undefined, null];
const CACHE_CONTROL = '{"type": "ephemeral"}, with "ttl": "5m" or "1h" if need be';

type Breakpoint = { field: string; control: unknown };

/** Every `cache_control`, in the order in which the API caches: tools, system, messages. */
function breakpointsOf(params: Params): Breakpoint[] {
  const found: Breakpoint[] = [];
  const note = (value: unknown, field: string) => {
    if (isJsonObject(value) && (value.cache_control ?? null) !== null) {
      found.push({ field: `${field}cache_control`, control: value.cache_control });
    }
  };
  /** Blocks, and the blocks within them: a result's, or a document's. */
  const noteAll = (blocks: unknown, field: string, levels: number) => {
    if (!Array.isArray(blocks)) return;
    for (const [index, block] of blocks.entries()) {
      if (!isJsonObject(block)) continue;
      if (levels > 0) {
        noteAll(block.content, `${field}[${index}].content`, levels - 1);
        if (isJsonObject(block.source))
          noteAll(block.source.content, `${field}[${index}].source.content`, levels - 1);
      }
      note(block, `${field}[${index}].`);
    }
  };
  noteAll(params.tools, 'tools', 0);
  noteAll(params.system, 'system', 1);
  noteAll(params.messages, 'messages', 2);
  // At the top level it marks the last block that can be cached.
  note(params, '');
  return found;
}

/** Checks all `cache_control` marks. */
export function checkCaching(params: Params): Problem[] {
  const found = breakpointsOf(params);
  const problems = found.flatMap(({ field, control }) => checkControl(control, field));
  if (problems.length > 0) return problems;
  if (found.length > MOST_BREAKPOINTS) {
    const valid = `at most ${MOST_BREAKPOINTS} of them in a request, the one of the params themselves included`;
    problems.push({
      field: found[MOST_BREAKPOINTS]?.field ?? '',
      problem: `is number ${MOST_BREAKPOINTS + 1} of ${found.length} cache_control blocks`,
      valid,
    });
  }
  const isLong = ({ control }: Breakpoint) => isJsonObject(control) && control.ttl === '1h';
  const short = found.findIndex((each) => !isLong(each));
  const late = found.find((each, index) => short !== -1 && index > short && isLong(each));
  if (late !== undefined) {
    const problem = 'has a ttl of 1h after one of 5m';
    problems.push({
      field: `${late.field}.ttl`,
      problem,
      valid: 'those of 1h before those of 5m, in the order tools, system, messages',
    });
  }
  return problems;
}

function checkControl(control: unknown, field: string): Problem[] {
  if (!isJsonObject(control) || control.type !== 'ephemeral') {
    return [{ field, problem: 'is not a cache control', valid: CACHE_CONTROL }];
  }
  return TTLS.includes(control.ttl)
    ? []
    : [{ field: `${field}.ttl`, problem: 'is not a time to live', valid: '5m, 1h' }];
}
