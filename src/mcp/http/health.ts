import type { Context } from '../../state/context.ts';
import { endsWithin } from '../../state/jobs.ts';
import type { Route } from './http-server.ts';

const READY_MS = 5_000;

/** Liveness and readiness, for the orchestrator and the load balancer. */
export function healthRoutes({ store, now, log }: Pick<Context, 'store' | 'now' | 'log'>): {
  routes: Route[];
  /** Reports not ready from now on, so that no more requests are sent here. */
  end(): void;
} {
  let isEnding = false;

  async function whyNotReady(): Promise<string | null> {
    if (isEnding) return 'it is ending';
    try {
      const look = store.budget(now().toISOString().slice(0, 10)).read();
      const isThere = await endsWithin(
        look.then(() => {}),
        READY_MS,
      );
      return isThere ? null : 'the store does not answer';
    } catch (error) {
      log('warn', `Not ready: ${error instanceof Error ? error.message : String(error)}`);
      return 'the store cannot be reached';
    }
  }

  const methods = ['GET', 'HEAD'];
  return {
    routes: [
      {
        path: '/healthz',
        methods,
        access: 'all',
        answer: (_request, response) => void response.writeHead(200, text).end('ok\n'),
      },
      {
        path: '/readyz',
        methods,
        access: 'all',
        async answer(_request, response) {
          const why = await whyNotReady();
          response
            .writeHead(why === null ? 200 : 503, text)
            .end(why === null ? 'ready\n' : `not ready: ${why}\n`);
        },
      },
    ],
    end() {
      isEnding = true;
    },
  };
}

const text = { 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'no-store' };
