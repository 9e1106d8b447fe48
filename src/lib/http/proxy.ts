import type { Agent } from 'node:http';
import { BlockList, isIP } from 'node:net';
import { getProxyForUrl } from 'proxy-from-env';

/** How requests get to a host. */
export type Route =
  | { kind: 'proxy'; proxy: URL; variable: string }
  /** `unused` names a variable that is set but does not apply, and says why. */
  | { kind: 'direct'; unused: string | null }
  /** A proxy that can't be used, and why. It is not bypassed: the owner wants it used. */
  | { kind: 'none'; why: string };

const PROXIES = ['HTTPS_PROXY', 'HTTP_PROXY', 'ALL_PROXY'];

/** A variable in either case, as `proxy-from-env` reads it: lower case takes precedence. */
function setVariable(name: string): { variable: string; value: string } | undefined {
  return [name.toLowerCase(), name.toUpperCase()]
    .map((variable) => ({ variable, value: process.env[variable]?.trim() ?? '' }))
    .find(({ value }) => value !== '');
}

/** The proxy variables that are set, under their actual names. */
export const setProxyVariables = (): string[] =>
  [...PROXIES, 'NO_PROXY'].flatMap((name) => setVariable(name)?.variable ?? []);

const hostOf = ({ hostname }: URL): string => hostname.replace(/^\[|\]$|\.$/g, '');

/** Whether an address is in a network such as `10.0.0.0/8`. */
function isWithin(address: string, network: string): boolean {
  const [start = '', prefix = ''] = network.split('/');
  const family = isIP(start);
  if (family === 0 || isIP(address) !== family || !/^\d{1,3}$/.test(prefix)) return false;
  if (Number(prefix) > (family === 4 ? 32 : 128)) return false;
  const list = new BlockList();
  list.addSubnet(start, Number(prefix), family === 4 ? 'ipv4' : 'ipv6');
  return list.check(address, family === 4 ? 'ipv4' : 'ipv6');
}

/**
 * Whether NO_PROXY exempts a host. `proxy-from-env` knows exact names, names that start with a dot or a star, and ports. In
 * curl, Go and Python a plain name also covers all names below it, and a network its addresses; so it does here.
 */
function isExempt(url: URL): boolean {
  if (getProxyForUrl(url.href) === '') return true;
  const host = hostOf(url);
  const entries = (setVariable('NO_PROXY')?.value ?? '')
    .toLowerCase()
    .split(/[\s,;"']+/)
    .map((entry) => entry.replace(/\.$/, ''));
  return entries.some((entry) => {
    if (entry.includes('/')) return isWithin(host, entry);
    const { name = '', port } =
      /^\*?(?<name>[a-z\d.-]*[a-z][a-z\d.-]*)(?::(?<port>\d+))?$/.exec(entry)?.groups ?? {};
    const isNamed = host === name || host.endsWith(name.startsWith('.') ? name : `.${name}`);
    return name !== '' && isNamed && (port === undefined || port === portOf(url));
  });
}

const portOf = ({ port, protocol }: URL): string => port || (protocol === 'https:' ? '443' : '80');

/** This machine: 127.0.0.0/8, ::1, and the names that always mean it (RFC 6761). */
function isLoopback(url: URL): boolean {
  const address = hostOf(url);
  if (isIP(address) === 4) return address.startsWith('127.');
  return address === '::1' || /^(?:.+\.)?localhost$/.test(address);
}

/** The route that HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY give. This machine itself never goes through a proxy. */
export function routeTo(url: URL): Route {
  const own = setVariable(`${url.protocol.slice(0, -1)}_PROXY`) ?? setVariable('ALL_PROXY');
  if (own === undefined) {
    const other = PROXIES.map(setVariable).find((set) => set !== undefined);
    const scheme = url.protocol.slice(0, -1);
    return {
      kind: 'direct',
      unused: other === undefined ? null : `${other.variable} does not apply to ${scheme} addresses`,
    };
  }
  const { variable, value } = own;
  if (isLoopback(url))
    return { kind: 'direct', unused: `${variable} does not apply to this computer itself` };
  if (isExempt(url)) return { kind: 'direct', unused: `NO_PROXY exempts it from ${variable}` };
  const address = value.includes('://') ? value : `http://${value}`;
  const proxy = URL.canParse(address) ? new URL(address) : undefined;
  if (proxy === undefined || !/^https?:$/.test(proxy.protocol)) {
    return { kind: 'none', why: `${variable} does not name an http or https proxy` };
  }
  return { kind: 'proxy', proxy, variable };
}

/** The route of a failed connection in words, without the user name and password that a proxy's URL may contain. */
export function routeInWords(address: string): string {
  if (!URL.canParse(address)) return '';
  const route = routeTo(new URL(address));
  if (route.kind === 'proxy') return `, through the proxy ${route.proxy.host} of ${route.variable}`;
  if (route.kind === 'none') return '';
  return route.unused === null ? '' : `, without a proxy (${route.unused})`;
}

/** An agent that connects through a proxy: by a tunnel for https, with the full URL for http. */
export async function createProxyAgent(proxy: URL, secure: boolean, keepAlive: boolean): Promise<Agent> {
  if (secure && proxy.protocol === 'https:') {
    const { TlsProxyAgent } = await import('./tls-proxy-agent.ts');
    return new TlsProxyAgent(proxy, { keepAlive });
  }
  if (secure) {
    const { HttpsProxyAgent } = await import('https-proxy-agent');
    return new HttpsProxyAgent(proxy, { keepAlive });
  }
  const { HttpProxyAgent } = await import('http-proxy-agent');
  return new HttpProxyAgent(proxy, { keepAlive });
}
