import { total } from '../../cost/group-costs.ts';
import { readListing } from '../../operations/list/listing.ts';
import type { Provider, ProviderName } from '../../provider/provider.ts';
import type { Context } from '../../state/context.ts';
import { processingStatuses } from '../../state/status.ts';
import { mayUse } from '../../state/subject.ts';
import { insufficientScope } from './auth/authenticate.ts';
import type { Route } from './http-server.ts';
import { refuse } from './refusal.ts';

/** The API calls that are counted: creates, looks at a batch, lists (before a create, and to settle one), downloads. */
const calls = {
  createBatch: 'create',
  retrieveBatch: 'look',
  listBatches: 'list',
  streamResults: 'download',
} as const;

/** How often this process has made each kind of API call. */
export type Counted = () => ReadonlyMap<string, number>;

type Sample = { labels?: Readonly<Record<string, string>>; value: number };
type Metric = { name: string; type: 'gauge' | 'counter'; help: string; samples: readonly Sample[] };

/** The same context with its API calls counted, and the counts. */
export function countCalls<C extends Context>(context: C): { context: C; counted: Counted } {
  const counts = new Map<string, number>(Object.values(calls).map((call) => [call, 0]));
  const counting = new Map<ProviderName, Provider>();
  const add = (call: string) => void counts.set(call, (counts.get(call) ?? 0) + 1);
  function wrapped(provider: Provider): Provider {
    return {
      ...provider,
      createBatch(...given) {
        add(calls.createBatch);
        return provider.createBatch(...given);
      },
      retrieveBatch(...given) {
        add(calls.retrieveBatch);
        return provider.retrieveBatch(...given);
      },
      listBatches(...given) {
        add(calls.listBatches);
        return provider.listBatches(...given);
      },
      streamResults(...given) {
        add(calls.streamResults);
        return provider.streamResults(...given);
      },
    };
  }
  return {
    context: {
      ...context,
      provider(name: ProviderName) {
        const provider = counting.get(name) ?? wrapped(context.provider(name));
        counting.set(name, provider);
        return provider;
      },
    },
    counted: () => counts,
  };
}

const atRest = new Set(['ended', 'not_sent']);

async function measure(context: Context, counted: Counted): Promise<Metric[]> {
  // Every user's batches, whoever asks.
  const { found } = await readListing({ ...context, subject: null });
  const open = found.filter(({ listed }) => !atRest.has(listed.processing_status));
  const oldest = Math.min(...open.map(({ listed }) => Date.parse(listed.created_at)));
  const real = found.filter(({ listed }) => listed.provider !== 'sandbox');
  const sum = (values: readonly number[]) => values.reduce((all, value) => all + value, 0);
  return [
    {
      name: 'batch_mcp_batches',
      type: 'gauge',
      help: 'Batches by processing_status.',
      samples: processingStatuses.map((status) => ({
        labels: { status },
        value: found.filter(({ listed }) => listed.processing_status === status).length,
      })),
    },
    {
      name: 'batch_mcp_spent_usd',
      type: 'gauge',
      help: 'What the stored batches have cost, in US dollars.',
      samples: [{ value: sum(real.map(({ costs }) => total(costs.spent))) }],
    },
    {
      name: 'batch_mcp_open_expected_usd',
      type: 'gauge',
      help: 'What the batches under way are still expected to cost, in US dollars.',
      samples: [{ value: sum(real.map(({ costs }) => costs.open_usd ?? 0)) }],
    },
    {
      name: 'batch_mcp_oldest_open_seconds',
      type: 'gauge',
      help: 'The age of the oldest batch under way.',
      samples: [{ value: open.length === 0 ? 0 : Math.max(0, (context.now().getTime() - oldest) / 1000) }],
    },
    {
      name: 'batch_mcp_api_requests_total',
      type: 'counter',
      help: 'Requests to the API by this server: creates, looks at a batch, lists (to settle a create), downloads.',
      samples: [...counted()].map(([call, value]) => ({ labels: { call }, value })),
    },
  ];
}

/** The Prometheus text format, version 0.0.4. Names and labels are our own and need no escaping. */
function textOf(metrics: readonly Metric[]): string {
  const lines = metrics.flatMap(({ name, type, help, samples }) => [
    `# HELP ${name} ${help}`,
    `# TYPE ${name} ${type}`,
    ...samples.map(({ labels = {}, value }) => {
      const told = Object.entries(labels).map(([label, text]) => `${label}="${text}"`);
      return `${name}${told.length === 0 ? '' : `{${told.join(',')}}`} ${value}`;
    }),
  ]);
  return `${lines.join('\n')}\n`;
}

/** Figures across all users for Prometheus, without content, names or ids. Admins only, like all such figures. */
export function metricsRoute(context: Context, counted: Counted, metadataUrl: string | null): Route {
  return {
    path: '/metrics',
    methods: ['GET'],
    access: 'users',
    async answer(_request, response, subject) {
      if (!mayUse(subject, 'batch:admin')) {
        return refuse(response, insufficientScope(metadataUrl, subject, 'batch:admin'));
      }
      const text = textOf(await measure(context, counted));
      response.writeHead(200, { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' }).end(text);
    },
  };
}
