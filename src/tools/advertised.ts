import { readOnlyTools, tools } from './index.ts';
import type { Hints, Tool } from './tool.ts';

/** What a client is told of a tool. */
export type AdvertisedTool = {
  name: string;
  title: string;
  description: string;
  annotations: Hints;
  inputSchema: { type: 'object'; [keyword: string]: unknown };
  outputSchema: { type: 'object'; [keyword: string]: unknown };
};

const advertise = ({
  name,
  title,
  description,
  annotations,
  inputSchema,
  outputSchema,
}: Tool): AdvertisedTool => ({
  name,
  title,
  description,
  annotations,
  inputSchema: { ...inputSchema, type: 'object' },
  outputSchema: { ...outputSchema, type: 'object' },
});

/**
 * The lists that clients ask for. The build puts their values in this module's place (build.mjs), so that a start needs
 * none of what the tools are made of.
 */
export const advertised: { all: AdvertisedTool[]; readOnly: AdvertisedTool[] } = {
  all: tools.map(advertise),
  // Such a server writes no files, and fetches nothing that would not be fetched again.
  readOnly: readOnlyTools
    .map(advertise)
    .map((tool) => ({ ...tool, annotations: { ...tool.annotations, readOnlyHint: true } })),
};
