import type { Problem } from '../../../errors.ts';
import { isJsonObject, type JsonObject } from '../../../lib/json.ts';
import type { Params } from '../../dialect.ts';

const IMAGE_TYPES = ['image/jpeg', 'image/png', 'image/gif', 'image/webp'];
const IMAGES = IMAGE_TYPES.join(', ');

/** 5 MB of base64 an image (vision documentation). */
const MOST_IMAGE_CHARACTERS = 5 * 1024 * 1024;

/** How files begin: with the media type if they can be sent, otherwise with a description. */
const BEGINNINGS: [kind: string, test: (bytes: Buffer) => boolean][] = [
  ['image/png', (bytes) => bytes.subarray(0, 4).equals(Buffer.from([0x89, 0x50, 0x4e, 0x47]))],
  ['image/jpeg', (bytes) => bytes.subarray(0, 3).equals(Buffer.from([0xff, 0xd8, 0xff]))],
  ['image/gif', (bytes) => bytes.toString('latin1', 0, 4) === 'GIF8'],
  [
    'image/webp',
    (bytes) => bytes.toString('latin1', 0, 4) === 'RIFF' && bytes.toString('latin1', 8, 12) === 'WEBP',
  ],
  ['application/pdf', (bytes) => bytes.toString('latin1', 0, 5) === '%PDF-'],
  ['a BMP image', (bytes) => bytes.toString('latin1', 0, 2) === 'BM'],
  ['a TIFF image', (bytes) => ['II*\0', 'MM\0*'].includes(bytes.toString('latin1', 0, 4))],
  ['a HEIC or AVIF image', (bytes) => bytes.toString('latin1', 4, 8) === 'ftyp'],
  ['an SVG image', (bytes) => /^\s*<(svg|\?xml)/.test(bytes.toString('latin1'))],
  ['a page of HTML', (bytes) => /^\s*<(!doctype|html)\b/i.test(bytes.toString('latin1'))],
  ['JSON', (bytes) => /^\s*\{\s*"/.test(bytes.toString('latin1'))],
  ['a ZIP file, as Office documents are', (bytes) => bytes.toString('latin1', 0, 4) === 'PK\x03\x04'],
  ['plain text', isText],
];

/** Fewer bytes are not enough to tell. */
const LEAST_TEXT = 16;

function isText(bytes: Buffer): boolean {
  // A character can be cut off at the end.
  const text = bytes.toString('utf8').replace(/\ufffd{1,3}$/, '');
  return bytes.length >= LEAST_TEXT && /^[\t\n\r\x20-\x7e\u00a0-\ufffc]+$/.test(text);
}

/** What a file is by its first bytes; undefined if they don't tell. */
function kindOf(base64: string): string | undefined {
  const bytes = Buffer.from(base64.slice(0, 64), 'base64');
  return BEGINNINGS.find(([, test]) => test(bytes))?.[0];
}

const SOURCES = 'base64, url, file';

export function checkImage({ source }: JsonObject, block: string): Problem[] {
  const field = `${block}.source`;
  const valid = '{"type": "base64", "media_type": "image/png", "data": "…"}';
  if (!isJsonObject(source)) return [{ field, problem: 'is missing or not an object', valid }];
  if (source.type !== 'base64') return checkElsewhere(source, field, SOURCES);
  const problems = checkBase64(source, field);
  if (problems.length > 0) return problems;
  const { media_type, data } = source;
  const kind = typeof data === 'string' ? kindOf(data) : undefined;
  if (kind !== undefined && !IMAGE_TYPES.includes(kind)) {
    return [
      {
        field: `${field}.data`,
        problem: `is ${kind === 'application/pdf' ? 'a PDF: send it as a document block' : kind}`,
        valid: IMAGES,
      },
    ];
  }
  if (typeof media_type !== 'string' || !IMAGE_TYPES.includes(media_type)) {
    return [
      {
        field: `${field}.media_type`,
        problem: 'is not a type of image that the API takes',
        valid: kind ?? IMAGES,
      },
    ];
  }
  if (kind !== undefined && kind !== media_type) {
    return [
      { field: `${field}.media_type`, problem: `is not what the data is by its first bytes`, valid: kind },
    ];
  }
  if (typeof data === 'string' && data.length > MOST_IMAGE_CHARACTERS) {
    const valid = 'at most 5 MB of base64: scale the image down';
    return [{ field: `${field}.data`, problem: `is ${data.length} characters of base64`, valid }];
  }
  return [];
}

export function checkDocument({ source }: JsonObject, block: string): Problem[] {
  const field = `${block}.source`;
  if (!isJsonObject(source)) {
    const valid =
      '{"type": "base64", "media_type": "application/pdf", "data": "…"}, or {"type": "text", "media_type": "text/plain", "data": "…"}';
    return [{ field, problem: 'is missing or not an object', valid }];
  }
  switch (source.type) {
    case 'base64': {
      const problems = checkBase64(source, field);
      if (problems.length > 0) return problems;
      const kind = typeof source.data === 'string' ? kindOf(source.data) : undefined;
      if (kind !== undefined && kind !== 'application/pdf') {
        const what = IMAGE_TYPES.includes(kind) ? 'an image: send it as an image block' : kind;
        const valid =
          kind === 'plain text' ? '{"type": "text", "media_type": "text/plain", "data": "…"}' : 'a PDF';
        return [{ field: `${field}.data`, problem: `is ${what}`, valid }];
      }
      if (source.media_type === 'application/pdf') return [];
      const valid =
        'application/pdf; plain text goes as {"type": "text", "media_type": "text/plain", "data": "…"}';
      return [
        { field: `${field}.media_type`, problem: 'is not a type of document that the API takes', valid },
      ];
    }
    case 'text':
      return [
        ...(source.media_type === 'text/plain'
          ? []
          : [{ field: `${field}.media_type`, problem: 'is not that of plain text', valid: 'text/plain' }]),
        ...(typeof source.data === 'string'
          ? []
          : [{ field: `${field}.data`, problem: 'is missing or not a text', valid: 'the text itself' }]),
      ];
    case 'content':
      return checkParts(source.content, `${field}.content`);
    default:
      return checkElsewhere(source, field, `${SOURCES}, text, content`);
  }
}

/** A document made of the caller's own blocks, which citations refer to. */
function checkParts(content: unknown, field: string): Problem[] {
  const isPart = (block: unknown) =>
    isJsonObject(block) && (block.type === 'text' ? typeof block.text === 'string' : block.type === 'image');
  if (typeof content === 'string' || (Array.isArray(content) && content.every(isPart))) return [];
  const problem =
    content === undefined ? 'is missing' : 'is neither a text nor a list of text and image blocks';
  return [{ field, problem, valid: 'a text, or [{"type": "text", "text": "…"}]' }];
}

/** A source elsewhere, given by its URL or the id of a file. */
function checkElsewhere(source: JsonObject, field: string, valid: string): Problem[] {
  const key = source.type === 'url' ? 'url' : source.type === 'file' ? 'file_id' : undefined;
  if (key === undefined) return [{ field: `${field}.type`, problem: 'is not a type of source', valid }];
  const named = source[key];
  if (typeof named === 'string' && named !== '') return key === 'url' ? checkUrl(named, `${field}.url`) : [];
  return [
    {
      field: `${field}.${key}`,
      problem: 'is missing or not a text',
      valid: key === 'url' ? 'a URL' : 'the id of a file',
    },
  ];
}

/** The API fetches by https only. */
function checkUrl(url: string, field: string): Problem[] {
  if (/^https:\/\/[^\s/]/i.test(url)) return [];
  if (/^data:/i.test(url)) {
    const valid = '{"type": "base64", "media_type": "…", "data": "…"} with what follows its comma';
    return [{ field, problem: 'is a "data:" URL, which holds the file itself', valid }];
  }
  return [{ field, problem: 'is not an https URL', valid: 'as in https://example.com/a.png' }];
}

function checkBase64({ data }: JsonObject, source: string): Problem[] {
  const field = `${source}.data`;
  const valid = 'the base64 of the file, and nothing before it';
  if (typeof data !== 'string' || data === '') return [{ field, problem: 'is missing or not a text', valid }];
  if (data.startsWith('data:')) return [{ field, problem: 'begins with "data:", as a URL does', valid }];
  if (/[^A-Za-z0-9+/=\s]/.test(data)) return [{ field, problem: 'is not base64', valid }];
  const bare = /\s/.test(data) ? data.replaceAll(/\s+/g, '') : data;
  return bare.length % 4 === 0 && !/=[^=]/.test(bare)
    ? []
    : [{ field, problem: 'is base64 that was cut, or put together from pieces', valid }];
}

/** Whether citations are on for any document or search result of the messages. */
export function asksForCitations({ messages }: Params): boolean {
  const isCited = (block: unknown): boolean =>
    isJsonObject(block) &&
    ((['document', 'search_result'].includes(String(block.type)) &&
      isJsonObject(block.citations) &&
      block.citations.enabled === true) ||
      (block.type === 'tool_result' && Array.isArray(block.content) && block.content.some(isCited)));
  return (
    Array.isArray(messages) &&
    messages.some(
      (message) => isJsonObject(message) && Array.isArray(message.content) && message.content.some(isCited),
    )
  );
}
