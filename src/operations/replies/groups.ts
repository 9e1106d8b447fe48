import { agreementIn } from '../../answers/figures/agreement.ts';
import { groupAnswers } from '../../answers/figures/groups.ts';
import type { Filters } from '../../answers/page/select.ts';
import { openView } from '../../answers/view/view.ts';
import { quoteName } from '../../lib/nearest.ts';
import { dialectOf } from '../../provider/dialects.ts';
import type { Context } from '../../state/context.ts';
import { isSaved } from '../../state/status.ts';
import type { BatchRecord } from '../../store/record.ts';

/** The room for groups in a reply; those that do not fit are only counted. */
const GROUP_CHARACTERS = 6_000;
/** Of two variants in one key, some 120 characters each. */
const COMPARISONS_SHOWN = 20;

/** The chosen answers grouped by what `group_by` names; null without `group_by`. */
export async function groupsOf(
  context: Context,
  record: BatchRecord,
  group_by: string | undefined,
  filters: Filters,
) {
  if (group_by === undefined || (record.adopted && !isSaved(record)) || record.waits) return null;
  const reading = { dialect: dialectOf(record.provider), catalog: context.catalog };
  const view = await openView(context, record);
  const { groups, group_count } = await groupAnswers(view, group_by, filters, reading);
  const agreement =
    group_by === 'variant' && record.variants ? await agreementIn(view, record.variants, filters) : [];
  let characters = 0;
  const shown = groups.filter((group) => {
    characters += JSON.stringify(group).length;
    return characters <= GROUP_CHARACTERS;
  });
  const unknown = groups.length === 1 && groups[0]?.value === null;
  return {
    groups: shown,
    group_count,
    ...(agreement.length > 0 && { agreement: agreement.slice(0, COMPARISONS_SHOWN) }),
    warnings: [
      ...(agreement.length > COMPARISONS_SHOWN
        ? [
            `Only ${COMPARISONS_SHOWN} of ${agreement.length} comparisons are listed: where takes fewer variants.`,
          ]
        : []),
      ...(unknown ? [`No answer has what group_by names (${quoteName(group_by)}). ${ANSWER_NAMES}`] : []),
      ...(shown.length < group_count
        ? [`Only the ${shown.length} most frequent of ${group_count} groups are listed.`]
        : []),
    ],
  };
}

/** What `where`, `fields` and `group_by` can name. */
export const ANSWER_NAMES =
  'json.key is a key of the answers, row.column a column of their rows; others are outcome, variant, model, expected, ' +
  'error_type, stop_reason, attempt.';
