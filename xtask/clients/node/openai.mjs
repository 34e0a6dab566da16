// The official OpenAI SDK for JavaScript, speaking chat completions.

import OpenAI from "openai";

export class Client {
  constructor(gateway, shared) {
    this.shared = shared;
    this.sdk = new OpenAI({ baseURL: `${gateway}/v1`, apiKey: "unused", maxRetries: 0, timeout: 20000 });
  }

  user(text, image) {
    if (!image) return [{ role: "user", content: text }];
    const url = { url: `data:image/png;base64,${this.shared.png}` };
    return [{ role: "user", content: [{ type: "text", text }, { type: "image_url", image_url: url }] }];
  }

  results(answer, texts) {
    const tools = answer.calls.map((call, place) => ({ role: "tool", tool_call_id: call.id, content: texts[place] }));
    return [answer.turn, ...tools];
  }

  body(model, messages, tools, schema) {
    const body = { model, messages };
    if (tools) body.tools = this.shared.tools.map((tool) => ({ type: "function", function: tool }));
    if (schema) {
      const form = { name: "person", schema: this.shared.schema, strict: true };
      body.response_format = { type: "json_schema", json_schema: form };
    }
    return body;
  }

  async ask(model, messages, tools, schema) {
    return this.read(await this.sdk.chat.completions.create(this.body(model, messages, tools, schema)));
  }

  async stream(model, messages, tools) {
    let pieces = 0;
    const body = { ...this.body(model, messages, tools), stream_options: { include_usage: true } };
    const stream = this.sdk.chat.completions.stream(body);
    for await (const chunk of stream) {
      const delta = chunk.choices[0]?.delta;
      if (delta?.content || delta?.tool_calls?.some((call) => call.function?.arguments)) pieces += 1;
    }
    return { ...this.read(await stream.finalChatCompletion()), pieces };
  }

  async abandon(model, messages) {
    const stream = await this.sdk.chat.completions.create({ model, messages, stream: true });
    for await (const _ of stream) break;
    stream.controller.abort();
  }

  read(reply) {
    const { message, finish_reason } = reply.choices[0];
    const calls = (message.tool_calls ?? []).map((call) => ({
      id: call.id,
      name: call.function.name,
      arguments: JSON.parse(call.function.arguments),
    }));
    return {
      text: message.content ?? "",
      calls,
      finish: finish_reason,
      input_tokens: reply.usage.prompt_tokens,
      output_tokens: reply.usage.completion_tokens,
      turn: message,
    };
  }
}
