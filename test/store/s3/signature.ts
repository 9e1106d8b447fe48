import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';

/** Of a key that may do everything in the bucket. */
export type S3Key = { accessKeyId: string; secretAccessKey: string; sessionToken?: string };

export type SignedRequest = {
  method: string;
  url: URL;
  headers: IncomingHttpHeaders;
  /** Of the body as it came, in hex. */
  sha256: string;
};

const hmac = (key: string | Buffer, text: string) => createHmac('sha256', key).update(text).digest();
const encode = (text: string) =>
  encodeURIComponent(text).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);

const HEADER =
  /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/s3\/aws4_request, SignedHeaders=([a-z0-9;-]+), Signature=([0-9a-f]{64})$/;
const LARGEST_SKEW_MS = 15 * 60 * 1000;

const timeOf = (stamp: string) =>
  Date.parse(stamp.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z'));

/**
 * Checks a request as Amazon describes it ("Authenticating Requests: Using the Authorization Header"), by itself and not by what signs.
 * Gives S3's code for what is wrong, null where nothing is.
 */
export function problemOfSignature(request: SignedRequest, key: S3Key, region: string): string | null {
  const { method, url, headers, sha256 } = request;
  const [, id, day = '', signedRegion, names = '', signature = ''] =
    HEADER.exec(headers.authorization ?? '') ?? [];
  if (id === undefined) return 'AccessDenied';
  if (id !== key.accessKeyId) return 'InvalidAccessKeyId';
  if (headers['x-amz-security-token'] !== key.sessionToken) return 'InvalidToken';
  if (signedRegion !== region) return 'AuthorizationHeaderMalformed';
  const date = String(headers['x-amz-date']);
  if (!(Math.abs(Date.now() - timeOf(date)) < LARGEST_SKEW_MS) || !date.startsWith(day))
    return 'RequestTimeTooSkewed';
  if (headers['x-amz-content-sha256'] !== sha256) return 'XAmzContentSHA256Mismatch';
  const signed = names.split(';');
  const required = ['host', ...Object.keys(headers).filter((name) => name.startsWith('x-amz-'))];
  if (required.some((name) => !signed.includes(name))) return 'AccessDenied';

  const query = [...url.searchParams].map(([name, value]) => `${encode(name)}=${encode(value)}`).sort();
  const canonical = [
    method,
    url.pathname
      .split('/')
      .map((part) => encode(decodeURIComponent(part)))
      .join('/'),
    query.join('&'),
    ...signed.map((name) => `${name}:${String(headers[name]).trim()}`),
    '',
    names,
    sha256,
  ].join('\n');
  const scope = `${day}/${region}/s3/aws4_request`;
  const hash = createHash('sha256').update(canonical).digest('hex');
  const text = ['AWS4-HMAC-SHA256', date, scope, hash].join('\n');
  const signing = [day, region, 's3', 'aws4_request'].reduce<string | Buffer>(
    hmac,
    `AWS4${key.secretAccessKey}`,
  );
  const right = hmac(signing, text);
  return timingSafeEqual(right, Buffer.from(signature, 'hex')) ? null : 'SignatureDoesNotMatch';
}
