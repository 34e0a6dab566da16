// The Vercel `ai` package, over its providers for each client protocol.

import { createAnthropic } from "@ai-sdk/anthropic";
import { createGoogleGenerativeAI } from "@ai-sdk/google";
import { createOpenAI } from "@ai-sdk/openai";
import { generateText, jsonSchema, Output, streamText, tool } from "ai";

export class AiClient {
  constructor(pick, gateway, shared) {
    this.shared = shared;
    this.pick = pick(gateway);
  }

  user(text, image) {
    if (!image) return [{ role: "user", content: text }];
    const file = { type: "file", data: this.shared.png, mediaType: "image/png" };
    return [{ role: "user", content: [{ type: "text", text }, file] }];
  }

  results(answer, texts) {
    const content = answer.calls.map((call, place) => ({
      type: "tool-result",
      toolCallId: call.id,
      toolName: call.name,
      output: { type: "text", value: texts[place] },
    }));
    return [...answer.turn, { role: "tool", content }];
  }

  options(model, messages, tools, schema) {
    const options = { model: this.pick(model), messages, maxRetries: 0, maxOutputTokens: 500 };
    if (tools) {
      const entry = ({ name, description, parameters }) => [name, tool({ description, inputSchema: jsonSchema(parameters) })];
      options.tools = Object.fromEntries(this.shared.tools.map(entry));
    }
    if (schema) options.output = Output.object({ schema: jsonSchema(this.shared.schema) });
    return options;
  }

  async ask(model, messages, tools, schema) {
    return this.read(await generateText(this.options(model, messages, tools, schema)));
  }

  async stream(model, messages, tools) {
    let pieces = 0;
    let failure;
    const result = streamText({ ...this.options(model, messages, tools), onError: ({ error }) => (failure = error) });
    for await (const part of result.fullStream) if (part.type.endsWith("-delta")) pieces += 1;
    if (failure) throw failure;
    const whole = {
      text: await result.text,
      toolCalls: await result.toolCalls,
      finishReason: await result.finishReason,
      usage: await result.usage,
      response: await result.response,
    };
    return { ...this.read(whole), pieces };
  }

  read(result) {
    return {
      text: result.text,
      calls: result.toolCalls.map((call) => ({ id: call.toolCallId, name: call.toolName, arguments: call.input })),
      finish: result.finishReason,
      input_tokens: result.usage.inputTokens ?? 0,
      output_tokens: result.usage.outputTokens ?? 0,
      turn: result.response.messages,
    };
  }
}

const key = { apiKey: "unused" };
export const picks = {
  chat: (gateway) => createOpenAI({ baseURL: `${gateway}/v1`, ...key }).chat,
  responses: (gateway) => createOpenAI({ baseURL: `${gateway}/v1`, ...key }).responses,
  anthropic: (gateway) => createAnthropic({ baseURL: `${gateway}/v1`, ...key }),
  google: (gateway) => createGoogleGenerativeAI({ baseURL: `${gateway}/v1beta`, ...key }),
};
