/** What the examples use of Node, whose types a consumer need not have. */
declare const process: { argv: string[] };
