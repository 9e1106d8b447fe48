import { BatchError } from '../../errors.ts';

/** What came back: the HTTP status, 0 where there was no answer, with S3's code or the system's. */
export type Refusal = { status: number; code: string };

const KEYS = 'Check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN, or AWS_PROFILE.';
const REGION =
  'Name its region in AWS_REGION, or as ?region= in BATCH_MCP_BLOBS, and its address in AWS_ENDPOINT_URL_S3 where it is not at Amazon.';
const GONE =
  'Check the address in BATCH_MCP_BLOBS, or AWS_ENDPOINT_URL_S3, and whether it is reached, then try again. Nothing new is sent ' +
  'meanwhile, and what was sent is looked after when it is back.';

/** By S3's codes (API reference, "Error responses"). */
const advice: Record<string, string> = {
  AccessDenied:
    'Allow this key to get, put and delete objects under the prefix, and to abort and list multipart uploads.',
  InvalidAccessKeyId: KEYS,
  SignatureDoesNotMatch: KEYS,
  ExpiredToken: 'The session token has expired: start the server with a new one.',
  InvalidToken: KEYS,
  RequestTimeTooSkewed: "Set this computer's clock: requests are signed with the time.",
  NoSuchBucket: 'There is no such bucket: make it, or check its name in BATCH_MCP_BLOBS.',
  AuthorizationHeaderMalformed: REGION,
  PermanentRedirect: REGION,
  Redirected: REGION,
  QuotaExceeded: 'Its quota is used up: make room.',
};

function adviceFor({ status, code }: Refusal): string {
  const known = advice[code];
  if (known !== undefined) return known;
  if (status === 403) return KEYS;
  return status === 0 || status >= 500 || status === 429 || status === 404
    ? GONE
    : "The bucket's log says more. Nothing new was sent.";
}

/** The final failure of a request. Neither its address nor its signature is shown. */
export function s3Failure(doing: string, place: string, refusal: Refusal): BatchError {
  const { status, code } = refusal;
  const what = status === 0 ? code : `${status} ${code}`.trim();
  return new BatchError('store_failed', `Could not ${doing} in ${place} (${what}). ${adviceFor(refusal)}`);
}
