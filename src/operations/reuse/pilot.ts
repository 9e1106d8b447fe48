import { chunksOf } from '../../answers/view/passes.ts';
import { openView, type View } from '../../answers/view/view.ts';
import { sha256OfText } from '../../lib/files/file-hash.ts';
import type { Dialect, Params } from '../../provider/dialect.ts';
import { dialectOf } from '../../provider/dialects.ts';
import type { Context } from '../../state/context.ts';
import { endsWithin } from '../../state/jobs.ts';
import { isSaved } from '../../state/status.ts';
import { apartOf, ownershipOf } from '../../state/subject.ts';
import type { BatchRecord } from '../../store/record.ts';
import { recordOrNull } from '../../store/stored-json.ts';
import type { TaskEntry } from '../../store/task-entry.ts';
import { openTasks } from '../../store/task-list.ts';
import { canonicalText } from '../../tasks/identity.ts';
import type { Preparation } from '../../tasks/prepare.ts';
import { chooseEffort, chooseModel, chooseTemplate } from '../../tasks/render/choose.ts';
import { usualMaximum } from '../../tasks/render/render.ts';
import type { Renderer } from '../../tasks/render/rendered-task.ts';
import { createPackReader } from '../../tasks/sources/sent/regroup.ts';
import { openSentRequests } from '../../tasks/sources/sent/sent-requests.ts';
import type { TaskDefaults } from '../../tasks/task.ts';
import { itemId, settingsOf } from '../../tasks/variants.ts';
import { refresh } from '../looking/refresh.ts';

/** For how long a pilot's answers are reused. */
const KEPT_MS = 7 * 24 * 60 * 60 * 1000;
const LOOK_MS = 10_000;

type Work = Pick<Preparation, 'work' | 'provider' | 'account' | 'catalog' | 'templates'>;

/**
 * The keys under which a pilot is found again, one per variant: the account, and all settings that its tasks share,
 * in the form in which they are sent.
 */
export function pilotKeys(
  context: Pick<Context, 'subject' | 'isShared'>,
  { work, provider, account, ...renderer }: Work,
): string[] {
  const { base_url, workspace } = account;
  return settingsOf(work).map(({ primer: _primer, ...settings }) =>
    sha256OfText(
      `${apartOf(ownershipOf(context))}pilot\n${canonicalText([provider, base_url, workspace])}${resolvedSettings(settings, renderer)}`,
    ),
  );
}

/** The pilot's answers by request: `find` returns the ordinal of a finished one. */
export type Pilot = {
  record: BatchRecord;
  view: View;
  find(task: AskedTask, request: Request): number | undefined;
  /** Whether it still runs, so that some of its tasks will be sent twice. */
  isOpen: boolean;
};

export const openPilotWarning = ({ record }: Pilot) =>
  `The pilot ${record.batch_id} has not ended, so its tasks without an answer are sent and paid for again.`;

type AskedTask = Pick<TaskEntry, 'task_id' | 'custom_id' | 'variant'>;
type Request = { id: string; params: Params };

/**
 * Identifies what is asked about an item, independently of the task's id on the wire, its variant and the tasks that
 * share its request.
 */
function createFingerprints(dialect: Dialect): (task: AskedTask, request: Request) => string {
  const { cacheMark } = dialect.requests;
  // A cache mark does not change what is asked.
  const encode = (id: string, params: Params) =>
    dialect.requests.encode(id, params).replaceAll(cacheMark, '');
  const requests = { ...dialect.requests, encode };
  const read = createPackReader({ requests });
  return (task, { id, params }) => {
    const own = task.custom_id ?? task.task_id;
    if (id === own) return sha256OfText(`${itemId(task)}\n${requests.encode('', params)}`);
    const { rows, shared } = read(params);
    const { id: _own, ...row } = rows.find((each) => each.id === own) ?? { id: '', text: '' };
    return sha256OfText(`${itemId(task)}\n${shared}\n${JSON.stringify(row)}`);
  };
}

/**
 * The pilot of the last 7 days with the same settings on the same account, with its answers fetched if it has ended.
 */
export async function findPilot(context: Context, work: Work): Promise<Pilot | null> {
  const noted = await Promise.all(
    pilotKeys(context, work).map((key) => context.store.submission(key).read()),
  );
  const found = noted.find((each) => each !== null) ?? null;
  if (found === null || context.now().getTime() - Date.parse(found.at) > KEPT_MS) return null;
  const seen = await recordOrNull(context.store, found.batch_id);
  const record = seen && (isSaved(seen) ? seen : await lookedAt(context, seen));
  return record && openPilot(context, record);
}

async function lookedAt(context: Context, record: BatchRecord): Promise<BatchRecord | null> {
  const { job } = await refresh(context, record);
  if (job !== undefined) {
    // The next look at the pilot reports a failure; the whole is then sent without its answers.
    await endsWithin(
      job.promise.catch(() => {}),
      LOOK_MS,
    );
  }
  return recordOrNull(context.store, record.batch_id);
}

async function openPilot(context: Context, record: BatchRecord): Promise<Pilot> {
  const dialect = dialectOf(record.provider);
  const blobs = context.store.blobs(record.batch_id);
  const [view, tasks, sent] = await Promise.all([
    openView(context, record),
    openTasks(blobs, record.request_count),
    openSentRequests(blobs, record, dialect),
  ]);
  const fingerprint = createFingerprints(dialect);
  const finished = new Map<string, number>();
  for (const chunk of chunksOf(view)) {
    const ordinals = chunk.filter((ordinal) => view.outcome(ordinal) === 'succeeded');
    const entries = await tasks.read(ordinals);
    let index = 0;
    for await (const request of sent(ordinals)) {
      const [entry, ordinal] = [entries[index], ordinals[index]];
      index += 1;
      if (entry !== undefined && ordinal !== undefined) {
        finished.set(fingerprint(entry, request), ordinal);
      }
    }
  }
  return {
    record,
    view,
    isOpen: !isSaved(record),
    find: (task, request) => (finished.size === 0 ? undefined : finished.get(fingerprint(task, request))),
  };
}

/** Blanks within a placeholder do not change what fills it. */
const BLANKS_IN_PLACE = /\{\{\s*(.*?)\s*\}\}/g;

/**
 * A text that is the same for all settings with which the same would be sent, however they were given: a model by its
 * family or its tier, defaults stated or left out, labels or their schema. What a task sets for itself is not in it.
 */
function resolvedSettings(
  { labelled, ...defaults }: TaskDefaults,
  { templates, catalog }: Pick<Renderer, 'templates' | 'catalog'>,
): string {
  const template = chooseTemplate({}, defaults, templates).chosen?.template;
  const tier = defaults.model_tier ?? template?.tier;
  const { model } = chooseModel({}, { ...defaults, model_tier: tier }, catalog);
  const asked = defaults.effort;
  const { effort } = chooseEffort(model, asked, template?.effort ?? (labelled ? 'low' : undefined));
  const usual = template && model && usualMaximum(template, model, { effort, isAsked: asked !== undefined });
  return canonicalText({
    ...defaults,
    prompt: defaults.prompt?.replace(BLANKS_IN_PLACE, '{{$1}}'),
    // The hash stands for a document's content, which is not JSON.
    context: defaults.context?.map(({ name, sha256 }) => [name, sha256]),
    model: model?.id ?? defaults.model,
    model_tier: undefined,
    effort,
    max_tokens: defaults.max_tokens ?? usual,
  });
}
