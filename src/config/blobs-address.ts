import { fileURLToPath } from 'node:url';
import type { Problem } from '../errors.ts';
import type { BlobsAddress } from '../store/objects/open-objects.ts';
import { withProfile } from './aws-profile.ts';
import { address, type ValueType } from './define-setting.ts';

/** What the address itself says; the credentials are in the variables of AWS's own programs. */
type GivenBlobs =
  | { kind: 'folder'; path: string }
  | { kind: 's3'; bucket: string; prefix: string; endpoint: string | null; region: string | null };

const FORM =
  's3://bucket/prefix, with ?endpoint=https://host and &region=name where they are not in AWS_ENDPOINT_URL_S3 and AWS_REGION, or ' +
  'file:///path of a shared folder; a prefix has letters, digits, -, _ and . between single /, and keys go into AWS_ACCESS_KEY_ID and ' +
  'AWS_SECRET_ACCESS_KEY, or a profile, only';

/** Amazon's rules for names of buckets. */
const BUCKET = /^(?!\d+\.\d+\.\d+\.\d+$)[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/;
const PREFIX = /^(?:\/(?!\.{1,2}(?:\/|$))[\w.-]+)*\/?$/;
const PARAMETERS = ['endpoint', 'region'];

function readAddress(text: string): GivenBlobs | undefined {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol === 'file:') return readFolder(url);
  if (url?.protocol !== 's3:' || url.username !== '' || url.password !== '' || url.port !== '')
    return undefined;
  const { host: bucket, pathname, searchParams } = url;
  if (!BUCKET.test(bucket) || !PREFIX.test(pathname) || url.hash !== '') return undefined;
  if ([...searchParams.keys()].some((name) => !PARAMETERS.includes(name))) return undefined;
  const [endpoint, region] = [searchParams.get('endpoint'), searchParams.get('region')];
  if ((endpoint !== null && !isEndpoint(endpoint)) || (region !== null && !REGION.test(region)))
    return undefined;
  const path = pathname.replace(/^\/|\/$/g, '');
  return { kind: 's3', bucket, prefix: path === '' ? '' : `${path}/`, endpoint, region };
}

function readFolder(url: URL): GivenBlobs | undefined {
  if (url.search !== '' || url.hash !== '' || url.pathname === '/') return undefined;
  try {
    return { kind: 'folder', path: fileURLToPath(url).replace(/[\\/]+$/, '') };
  } catch (error) {
    // The address of another host, or one with an encoded slash.
    if (error instanceof TypeError) return undefined;
    throw error;
  }
}

const REGION = /^[a-z0-9-]{1,40}$/;

/** A host, optionally with a path that holds its buckets. */
function isEndpoint(text: string): boolean {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol)) return false;
  return url.username === '' && url.password === '' && url.search === '' && url.hash === '';
}

/** Where the bytes of a team's blobs are kept. */
export const blobsAddress: ValueType<GivenBlobs> = address(readAddress, FORM);

/** No certificate covers a host name made from a bucket with a dot. */
const hasOwnHost = (bucket: string) => !bucket.includes('.');

/** Adds what the variables say, or a profile of AWS's own programs below `home`; `refuse` receives what is missing. */
export function completeBlobs(
  given: GivenBlobs,
  variables: Readonly<Record<string, string>>,
  home: string | null,
  refuse: (problem: Problem) => string,
): BlobsAddress {
  if (given.kind === 'folder') return { ...given, place: `file://${given.path}` };
  const set = withProfile(variables, home, refuse);
  const { bucket, prefix } = given;
  const required = (item: string, valid: string) =>
    set[item] ?? refuse({ item, problem: 'is not set, and BATCH_MCP_BLOBS names a bucket', valid });
  const endpoint = given.endpoint ?? set.AWS_ENDPOINT_URL_S3 ?? set.AWS_ENDPOINT_URL ?? null;
  if (endpoint !== null && !isEndpoint(endpoint)) {
    refuse({
      item: set.AWS_ENDPOINT_URL_S3 === undefined ? 'AWS_ENDPOINT_URL' : 'AWS_ENDPOINT_URL_S3',
      problem: 'is not the http or https address of a host alone',
      valid: 'as in https://minio.example:9000',
    });
  }
  const named = given.region ?? set.AWS_REGION ?? set.AWS_DEFAULT_REGION;
  const region =
    named ??
    (endpoint === null ? required('AWS_REGION', "the bucket's region, as in eu-central-1") : 'us-east-1');
  const amazon = `s3.${region}.amazonaws.com`;
  const address =
    endpoint !== null
      ? `${endpoint.replace(/\/+$/, '')}/${bucket}/`
      : hasOwnHost(bucket)
        ? `https://${bucket}.${amazon}/`
        : `https://${amazon}/${bucket}/`;
  const { AWS_SESSION_TOKEN: sessionToken } = set;
  return {
    kind: 's3',
    place: `s3://${bucket}${prefix === '' ? '' : `/${prefix.slice(0, -1)}`}`,
    address,
    prefix,
    region,
    accessKeyId: required('AWS_ACCESS_KEY_ID', 'the id of a key that may use the bucket'),
    secretAccessKey: required('AWS_SECRET_ACCESS_KEY', 'the secret of that key'),
    ...(sessionToken !== undefined && { sessionToken }),
  };
}

/** The parts that must never be shown. */
export function secretsOfBlobs(address: BlobsAddress): string[] {
  if (address.kind === 'folder') return [];
  const { accessKeyId, secretAccessKey, sessionToken } = address;
  return [accessKeyId, secretAccessKey, sessionToken].filter((secret) => secret !== undefined);
}
