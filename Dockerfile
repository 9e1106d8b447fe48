# The MCP server on stdin and stdout: docker run -i --rm -e ANTHROPIC_API_KEY -v batch-mcp:/data -v "$PWD":/work batch-mcp
FROM node:22-alpine AS build
WORKDIR /src
COPY . .
RUN npm ci --no-audit --no-fund && npm run build && rm -rf dist/compile-cache

FROM node:22-alpine
LABEL io.modelcontextprotocol.server.name="io.github.batch-mcp/batch-mcp"
WORKDIR /app
COPY --from=build /src/package.json /src/LICENSE ./
COPY --from=build /src/dist ./dist
# Batches outlive the container in /data; files are read from and written to /work.
RUN mkdir -p /data /work && chown node:node /data /work
ENV BATCH_MCP_DATA_DIR=/data BATCH_MCP_WORK_DIR=/work
VOLUME /data
USER node
# Paths are taken as they stand in the folder that is mounted.
WORKDIR /work
ENTRYPOINT ["node", "/app/dist/server.js"]
