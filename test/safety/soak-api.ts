import { type ApiServer, startApiServer, succeeded } from '../api-server.ts';
import { type RouteFault, startFaultyProxy } from '../provider/sandbox/faulty-server.ts';

/** Every way in which each route can go wrong. */
const ways: ((route: 'create' | 'retrieve' | 'list' | 'results') => RouteFault)[] = [
  (route) => ({ route, kind: 'status', status: 429, retry_after_seconds: 0 }),
  (route) => ({ route, kind: 'status', status: 529, retry_after_seconds: 0 }),
  (route) => ({ route, kind: 'status', status: 500 }),
  (route) => ({ route, kind: 'status', status: 500, commits: true }),
  (route) => ({ route, kind: 'status', status: 400 }),
  (route) => ({ route, kind: 'status', status: 408 }),
  (route) => ({ route, kind: 'status', status: 409, commits: true }),
  (route) => ({ route, kind: 'hang' }),
  (route) => ({ route, kind: 'hang', commits: true }),
  (route) => ({ route, kind: 'reset_before_commit' }),
  (route) => ({ route, kind: 'reset_after_commit' }),
  (route) => ({ route, kind: 'unreadable' }),
];
const downloadsAlone: (() => RouteFault)[] = [
  () => ({ route: 'results', kind: 'cut_at_line' }),
  () => ({ route: 'results', kind: 'cut_in_line' }),
  () => ({ route: 'results', kind: 'cut_socket' }),
  () => ({ route: 'results', kind: 'drop_line' }),
];

/** The keys of one workspace, of which each process has one. */
export const keys = ['sk-ant-soak-key-one', 'sk-ant-soak-key-two', 'sk-ant-soak-key-three'] as const;
/** The key of servers that must send nothing. */
export const BYSTANDER_KEY = 'sk-ant-soak-key-of-bystanders';

export type SoakApi = {
  api: ApiServer;
  /** Where the servers find it, with its faults. */
  url: string;
  close(): Promise<void>;
};

/**
 * A stand-in for the API of whose requests so many percent go wrong. Its list comes in pages of twenty, and whatever it is sent ends
 * within a fifth of a second. Another program that shares it makes batches of whatever ids `foreign` gives.
 */
export async function startSoakApi(
  faults: number,
  chance: () => number,
  foreign: () => readonly string[] | null,
): Promise<SoakApi> {
  const [key, ...others] = keys;
  const api = await startApiServer({
    key,
    otherKeys: [...others, BYSTANDER_KEY],
    longestPage: 20,
    results: (requests) =>
      requests.map((each) =>
        succeeded(each, 'messages' in each.params ? `answer ${each.custom_id}` : 'of another program'),
      ),
  });
  const proxy = await startFaultyProxy(api.url, (route) => {
    if (chance() * 100 >= faults) return undefined;
    if (route !== 'create' && route !== 'retrieve' && route !== 'list' && route !== 'results')
      return undefined;
    const possible = route === 'results' ? [...ways, ...downloadsAlone, ...downloadsAlone] : ways;
    return possible[Math.floor(chance() * possible.length)]?.(route);
  });
  const ending = setInterval(() => api.endAll(), 200);
  const making = setInterval(() => {
    const ids = foreign();
    if (ids !== null) api.make(ids);
  }, 300);
  return {
    api,
    url: proxy.url,
    async close() {
      clearInterval(ending);
      clearInterval(making);
      proxy.close();
      await api.close();
    },
  };
}
