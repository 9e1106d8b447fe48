import type { Problem } from '../../../errors.ts';
import { isJsonObject, type JsonObject } from '../../../lib/json.ts';
import { hasUsualEnd, isCutOff, sizeOf } from '../../../lib/media.ts';
import { pdfFacts } from '../../../lib/pdf.ts';
import type { Params } from '../../dialect.ts';
import type { Model } from '../../models.ts';

/** Images and pages of PDFs in a request, on models with a context of 200,000 tokens, and on those with more (vision and PDF documentation). */
const MOST_OF_SMALL = 100;
const MOST_OF_LARGE = 600;
const SMALL_CONTEXT = 200_000;

/** The most pixels of an image's longer side; with many images in a request, each must be smaller. */
const LONGEST_SIDE = 8_000;
const MANY_IMAGES = 20;
const LONGEST_SIDE_OF_MANY = 2_000;

/** The beginning of an image, which holds its size. */
const HEAD_CHARACTERS = 400_000;

type Media = { block: JsonObject; field: string };

/** Checks how many images and pages a request has, and how large the images are. */
export function checkMediaLimits({ messages }: Params, model: Model | undefined): Problem[] {
  const media = mediaIn(messages);
  if (media.length === 0) return [];
  const images = media.filter(({ block }) => block.type === 'image');
  const most = (model?.context_tokens ?? MOST_OF_LARGE) <= SMALL_CONTEXT ? MOST_OF_SMALL : MOST_OF_LARGE;
  const longest = images.length > MANY_IMAGES ? LONGEST_SIDE_OF_MANY : LONGEST_SIDE;
  const whose = model === undefined ? '' : ` on ${model.id}`;
  const problems = images.flatMap((image) => checkSides(image, longest, images.length));
  if (images.length > most) {
    const problem = `has ${images.length} images`;
    problems.push({ field: 'messages', problem, valid: `at most ${most} in a request${whose}` });
  }
  problems.push(...media.flatMap((each) => [...checkLock(each), ...checkEnd(each)]));
  const pages = media.reduce((sum, { block }) => sum + pagesIn(block), 0);
  if (pages > most) {
    const problem = `has ${pages} pages of PDFs`;
    problems.push({
      field: 'messages',
      problem,
      valid: `at most ${most} in a request${whose}: split the document`,
    });
  }
  return [...problems, ...checkCitations(media)];
}

/** Every block of a message that is an image or can be cited, including those within results and documents. */
function mediaIn(messages: unknown): Media[] {
  if (
    !Array.isArray(messages) ||
    messages.every((each) => isJsonObject(each) && typeof each.content === 'string')
  )
    return [];
  const outer = blocksIn(messages, 'messages').flatMap(({ block, field }) =>
    blocksIn(block.content, `${field}.content`),
  );
  const all = outer.flatMap((each) =>
    each.block.type === 'tool_result' ? blocksIn(each.block.content, `${each.field}.content`) : [each],
  );
  const parts = all.flatMap(({ block: { type, source }, field }) =>
    type === 'document' && isJsonObject(source) ? blocksIn(source.content, `${field}.source.content`) : [],
  );
  return [...all, ...parts].filter(({ block }) =>
    ['image', 'document', 'search_result'].includes(String(block.type)),
  );
}

function blocksIn(list: unknown, field: string): Media[] {
  if (!Array.isArray(list)) return [];
  return list.flatMap((block: unknown, index) =>
    isJsonObject(block) ? [{ block, field: `${field}[${index}]` }] : [],
  );
}

const dataOf = ({ source }: JsonObject): string | null =>
  isJsonObject(source) && source.type === 'base64' && typeof source.data === 'string' ? source.data : null;

function checkSides({ block, field }: Media, longest: number, images: number): Problem[] {
  const data = dataOf(block);
  const size = data === null ? null : sizeOf(Buffer.from(data.slice(0, HEAD_CHARACTERS), 'base64'));
  if (size === null || Math.max(size.width, size.height) <= longest) return [];
  const among = images > MANY_IMAGES ? ` among more than ${MANY_IMAGES} images` : '';
  const problem = `is ${size.width} by ${size.height} pixels`;
  return [
    {
      field: `${field}.source.data`,
      problem,
      valid: `at most ${longest} pixels a side${among}: scale it down`,
    },
  ];
}

/** The API does not open encrypted PDFs (PDF documentation). */
function checkLock({ block, field }: Media): Problem[] {
  const data = block.type === 'document' ? dataOf(block) : null;
  if (data === null || !pdfFacts(data).isLocked) return [];
  const problem = 'is a PDF with a password, or with restrictions';
  return [{ field: `${field}.source.data`, problem, valid: 'one that is saved without them' }];
}

/** The end of an image, in whole groups of base64. */
const TAIL_CHARACTERS = 64;

/** Finds files that are cut off: hours later the API would say that they can't be opened. */
function checkEnd({ block, field }: Media): Problem[] {
  const data = dataOf(block);
  if (data === null) return [];
  const lacksEnd = block.type === 'document' ? pdfFacts(data).isCutOff : isImageCutOff(data);
  if (!lacksEnd) return [];
  const problem = 'is cut off: the end of the file is missing';
  return [{ field: `${field}.source.data`, problem, valid: 'the whole file' }];
}

const isImageCutOff = (data: string) =>
  !hasUsualEnd(Buffer.from(data.slice(-TAIL_CHARACTERS), 'base64')) && isCutOff(Buffer.from(data, 'base64'));

function pagesIn(block: JsonObject): number {
  const data = block.type === 'document' ? dataOf(block) : null;
  return data === null ? 0 : countPages(data);
}

/** Only a count that the file itself states is a reason to refuse. */
function countPages(data: string): number {
  const { pages, isCounted } = pdfFacts(data);
  return isCounted ? pages : 0;
}

/** Citations are on for all documents of a request, or for none; search results likewise. */
function checkCitations(media: readonly Media[]): Problem[] {
  return ['document', 'search_result'].flatMap((type) => {
    const blocks = media.filter(({ block }) => block.type === type);
    const cited = blocks.filter(
      ({ block }) => isJsonObject(block.citations) && block.citations.enabled === true,
    );
    const other = blocks.find((each) => !cited.includes(each));
    if (cited.length === 0 || other === undefined) return [];
    const problem = 'is off here, and on for others';
    return [
      { field: `${other.field}.citations`, problem, valid: `on for all blocks of type ${type}, or for none` },
    ];
  });
}
