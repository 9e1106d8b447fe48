import { pagesOf, sizeOf } from '../../../lib/media-size.ts';

/**
 * The most tokens that an image takes: about 1,600 on models to 4.6 (Anthropic's vision documentation), reported as three times
 * that on the high-resolution ones since.
 */
const MOST_IMAGE_TOKENS = 4_800;
const PIXELS_PER_TOKEN = 750;
/** Anthropic's PDF documentation: 1,500 to 3,000 tokens of text a page, and each page counts as an image besides. */
const MOST_PAGE_TOKENS = 3_000 + MOST_IMAGE_TOKENS;
/** The most tokens that an image given in base64 takes, by its pixels where its first bytes tell them. */
export function mostImageTokens(base64: string): number {
  const size = sizeOf(Buffer.from(base64.slice(0, 400_000), 'base64'));
  return size === null
    ? MOST_IMAGE_TOKENS
    : Math.min(MOST_IMAGE_TOKENS, Math.ceil((size.width * size.height) / PIXELS_PER_TOKEN) + 1);
}

/** Of an image that is elsewhere, too: however large it is, it is made smaller before it is read. */
export const MOST_TOKENS_OF_ANY_IMAGE = MOST_IMAGE_TOKENS;

/** The most tokens that a PDF given in base64 takes, by its pages. */
export function mostPdfTokens(base64: string): number {
  return pagesOf(Buffer.from(base64, 'base64')).pages * MOST_PAGE_TOKENS;
}
