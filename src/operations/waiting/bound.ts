/** Said of figures that rest on answers which are not there yet. */
export const boundWarning = (batchId: string): string =>
  `The figures are bounds: ${batchId}, whose answers this works on, has not ended, so each counts as long as it can be. It is sent by the first look after that, for no more than this maximum.`;
