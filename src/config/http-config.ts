import { isIP } from 'node:net';
import path from 'node:path';
import type { Problem } from '../errors.ts';
import { httpSettings, type ListenAddress } from './http-settings.ts';
import type { SettingValues } from './read-settings.ts';

/** How the server is reached over HTTP, and by whom. */
export type HttpConfig = ListenAddress & {
  /** Where clients reach it, without a trailing slash; null: where it listens. */
  url: string | null;
  /** Names allowed in a request's Host in addition to the address's own, in lower case. */
  hosts: string[];
  /** Origins of web pages that may call in addition to the server's own, for example `https://app.example`. */
  origins: string[];
  /** The file of static tokens, absolute. */
  tokensFile: string | undefined;
  /** The identity provider whose tokens are accepted; null: none. */
  oauth: OauthConfig | null;
  /** The folder for users' uploads, absolute. */
  uploadsDir: string;
  /** The size limit of one upload. */
  uploadBytes: number;
};

/** An identity provider. */
export type OauthConfig = {
  /** The issuer, as its tokens name it. */
  issuer: string;
  /** The audience that its tokens must name. */
  audience: string;
  /** The address of its keys; null: as its metadata says. */
  keysUrl: string | null;
};

/** Whether only this machine can reach what listens there. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
}

/** Null if HTTP is not configured. Refuses to listen to other machines unless callers must authenticate. */
export function readHttpConfig(
  {
    value,
    absolute,
    refuse,
  }: Pick<SettingValues, 'value'> & {
    absolute: (path: string) => string;
    refuse: (problem: Problem) => unknown;
  },
  dataDir: string,
): HttpConfig | null {
  const address = value(httpSettings.http);
  if (address === null) return null;
  const tokens = value(httpSettings.httpTokens);
  const url = value(httpSettings.httpUrl);
  const hosts = value(httpSettings.httpHosts) ?? [];
  const item = httpSettings.http.variable;
  const issuer = value(httpSettings.oauthIssuer);
  const uploads = value(httpSettings.uploadsDir);
  if (!isLoopback(address.host) && tokens === null && issuer === null) {
    const problem = 'lets other machines in without saying who they are';
    const valid = `${httpSettings.httpTokens.variable} or ${httpSettings.oauthIssuer.variable}, or 127.0.0.1 as the host`;
    refuse({ item, problem, valid });
  }
  if (!isLoopback(address.host) && url === null && hosts.length === 0) {
    const problem = "lets other machines in, and no request's Host could be checked";
    const valid = `${httpSettings.httpUrl.variable}, the address under which clients reach it`;
    refuse({ item, problem, valid });
  }
  if (issuer !== null && url === null) {
    const problem = 'needs the address that its tokens are asked for';
    refuse({
      item: httpSettings.oauthIssuer.variable,
      problem,
      valid: `${httpSettings.httpUrl.variable} beside it`,
    });
  }
  return {
    ...address,
    url,
    hosts,
    origins: value(httpSettings.httpOrigins) ?? [],
    tokensFile: tokens === null ? undefined : absolute(tokens),
    uploadsDir: uploads === null ? path.join(dataDir, 'uploads') : absolute(uploads),
    uploadBytes: value(httpSettings.uploadMb) * 1_000_000,
    oauth:
      issuer === null
        ? null
        : {
            issuer,
            audience: value(httpSettings.oauthAudience) ?? `${url}/mcp`,
            keysUrl: value(httpSettings.oauthKeys),
          },
  };
}
