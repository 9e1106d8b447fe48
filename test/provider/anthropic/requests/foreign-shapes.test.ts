import { expect, it } from 'vitest';
import { modelTable } from '../../../../src/provider/anthropic/models/price-table.ts';
import { checkParams } from '../../../../src/provider/anthropic/requests/check-params.ts';
import { createModelCatalog } from '../../../../src/provider/models.ts';

type Params = Record<string, unknown>;

const catalog = createModelCatalog(modelTable);
const good = {
  model: 'claude-sonnet-5-5',
  max_tokens: 1024,
  messages: [{ role: 'user', content: 'Hello' }],
};
const user = (block: unknown) => ({ messages: [{ role: 'user', content: [block] }] });
const message = (more: object) => ({ messages: [{ role: 'user', content: 'a', ...more }] });
const tools = (tool: unknown) => ({ tools: [tool] });
const block = 'messages[0].content[0]';

/** What other providers' programs write, each with the field that is named and whose it is. */
const rows: [shape: Params, field: string, says: string][] = [
  ...Object.entries({
    max_completion_tokens: "OpenAI's name",
    max_output_tokens: "OpenAI's name",
    response_format: 'output_config.format',
    text: 'output_config.format',
    reasoning_effort: 'output_config.effort',
    reasoning: 'output_config.effort',
    functions: 'tools',
    function_call: 'tool_choice',
    parallel_tool_calls: 'disable_parallel_tool_use',
    stop: 'stop_sequences',
    user: 'metadata.user_id',
    input: 'messages',
    instructions: 'system',
    n: "OpenAI's, and the Messages API has nothing like it",
    seed: "OpenAI's",
    logprobs: "OpenAI's",
    logit_bias: "OpenAI's",
    frequency_penalty: "OpenAI's",
    presence_penalty: "OpenAI's",
    store: "OpenAI's",
    stream_options: "OpenAI's",
    modalities: "OpenAI's",
    verbosity: "OpenAI's",
    prediction: "OpenAI's",
    contents: "Gemini's name",
    systemInstruction: 'system',
    system_instruction: 'system',
    generationConfig: 'max_tokens and output_config',
    generation_config: 'max_tokens and output_config',
    safetySettings: "Gemini's",
    cachedContent: "Gemini's",
    candidateCount: "Gemini's",
    responseSchema: 'output_config.format',
    thinkingConfig: 'output_config.effort',
    toolConfig: 'tools and tool_choice',
    inferenceConfig: 'max_tokens',
    modelId: "Bedrock's name",
    guardrailConfig: "Bedrock's",
    additionalModelRequestFields: "Bedrock's",
    anthropic_version: 'it is a header',
    anthropic_beta: 'BATCH_MCP_BETAS',
    safe_prompt: "Mistral's",
    random_seed: "Mistral's",
    message: "Cohere's name",
    chat_history: "Cohere's name",
    preamble: "Cohere's name",
    prompt: 'messages instead',
    max_tokens_to_sample: 'max_tokens instead',
    num_predict: "Ollama's",
    options: "Ollama's",
    keep_alive: "Ollama's",
    max_new_tokens: "Hugging Face's",
  }).map(([key, said]): [Params, string, string] => [{ [key]: 1 }, key, said]),
  // Messages
  [{ messages: [{ role: 'developer', content: 'a' }, ...good.messages] }, 'messages[0].role', "OpenAI's"],
  [{ messages: [...good.messages, { role: 'tool', content: 'a' }] }, 'messages[1].role', "OpenAI's"],
  [{ messages: [...good.messages, { role: 'function', content: 'a' }] }, 'messages[1].role', "OpenAI's"],
  [{ messages: [...good.messages, { role: 'model', content: 'a' }] }, 'messages[1].role', "Gemini's"],
  [message({ tool_calls: [] }), 'messages[0].tool_calls', "OpenAI's"],
  [message({ tool_call_id: 'a' }), 'messages[0].tool_call_id', "OpenAI's"],
  [message({ function_call: {} }), 'messages[0].function_call', "OpenAI's"],
  [message({ name: 'jo' }), 'messages[0].name', "OpenAI's"],
  [message({ refusal: null }), 'messages[0].refusal', "OpenAI's"],
  [message({ reasoning_content: 'a' }), 'messages[0].reasoning_content', 'thinking'],
  [message({ prefix: true }), 'messages[0].prefix', "Mistral's"],
  [{ messages: [{ role: 'user', parts: [{ text: 'a' }] }] }, 'messages[0].parts', "Gemini's"],
  // Blocks
  [user({ type: 'image_url', image_url: { url: 'a' } }), block, "OpenAI's form of an image"],
  [user({ type: 'input_image', image_url: 'a' }), block, "OpenAI's form of an image"],
  [user({ type: 'input_text', text: 'a' }), block, "OpenAI's form of a text"],
  [user({ type: 'output_text', text: 'a' }), block, "OpenAI's form of a text"],
  [user({ type: 'input_file', file_id: 'a' }), block, "OpenAI's form of a document"],
  [user({ type: 'file', file: {} }), block, "OpenAI's form of a document"],
  [user({ type: 'input_audio', input_audio: {} }), block, 'which Claude does not take'],
  [user({ type: 'refusal', refusal: 'a' }), block, "OpenAI's form of a refusal"],
  [user({ type: 'function_call', call_id: 'a' }), block, "OpenAI's form of a call"],
  [user({ type: 'function_call_output', call_id: 'a' }), block, "OpenAI's form of a result"],
  [user({ type: 'reasoning', summary: [] }), block, "OpenAI's form of thinking"],
  [user({ type: 'document_url', document_url: 'a' }), block, "Mistral's form of a document"],
  [user({ type: 'tool-call', toolCallId: 'a' }), block, "AI SDK's form of a call"],
  [user({ type: 'tool-result', toolCallId: 'a' }), block, "AI SDK's form of a result"],
  [user({ inline_data: { mime_type: 'image/png', data: 'a' } }), block, "Gemini's form of an image"],
  [user({ inlineData: { mimeType: 'image/png', data: 'a' } }), block, "Gemini's form of an image"],
  [user({ fileData: { fileUri: 'a' } }), block, "Gemini's form of a file"],
  [user({ functionCall: { name: 'a' } }), block, "Gemini's form of a call"],
  [user({ functionResponse: { name: 'a' } }), block, "Gemini's form of a result"],
  [user({ image: { format: 'png', source: {} } }), block, "Bedrock's form of an image"],
  [user({ document: { format: 'pdf' } }), block, "Bedrock's form of a document"],
  [user({ toolUse: {} }), block, "Bedrock's form of a call"],
  [user({ toolResult: {} }), block, "Bedrock's form of a result"],
  [user({ cachePoint: { type: 'default' } }), block, 'cache_control'],
  // Tools and their choice
  [tools({ type: 'function', function: { name: 'a' } }), 'tools[0]', "OpenAI's form of a tool"],
  [tools({ type: 'function', name: 'a', parameters: {} }), 'tools[0]', "OpenAI's form of a tool"],
  [tools({ name: 'a', parameters: { type: 'object' } }), 'tools[0]', "OpenAI's form of a tool"],
  [tools({ functionDeclarations: [] }), 'tools[0]', "Gemini's form of a tool"],
  [tools({ function_declarations: [] }), 'tools[0]', "Gemini's form of a tool"],
  [tools({ toolSpec: { name: 'a' } }), 'tools[0]', "Bedrock's form of a tool"],
  [tools({ name: 'a', inputSchema: { type: 'object' } }), 'tools[0]', "MCP's form of a tool"],
  ...['auto', 'none', 'required'].map((tool_choice): [Params, string, string] => [
    { tools: [{ name: 'a', input_schema: { type: 'object' } }], tool_choice },
    'tool_choice',
    "OpenAI's form",
  ]),
  [
    {
      tools: [{ name: 'a', input_schema: { type: 'object' } }],
      tool_choice: { type: 'function', function: { name: 'a' } },
    },
    'tool_choice',
    "OpenAI's form",
  ],
  [{ output_config: { format: { type: 'json_object' } } }, 'output_config.format', "OpenAI's form"],
  [
    { output_config: { format: { type: 'json_schema', json_schema: { schema: {} } } } },
    'output_config.format',
    "OpenAI's form",
  ],
];

it.each(rows)('%j', (shape, field, said) => {
  const problems = checkParams({ ...good, ...shape }, { allowNetworkTools: true, catalog });
  expect(problems.map((problem) => problem.field)).toEqual([field]);
  const { problem, valid } = problems[0] ?? {};
  expect(`${problem}. Valid: ${valid}`).toContain(said);
});
