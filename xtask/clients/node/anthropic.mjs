// The official Anthropic SDK for JavaScript.

import Anthropic from "@anthropic-ai/sdk";

export class Client {
  constructor(gateway, shared) {
    this.shared = shared;
    this.sdk = new Anthropic({ baseURL: gateway, apiKey: "unused", maxRetries: 0, timeout: 20000 });
  }

  user(text, image) {
    if (!image) return [{ role: "user", content: text }];
    const source = { type: "base64", media_type: "image/png", data: this.shared.png };
    return [{ role: "user", content: [{ type: "text", text }, { type: "image", source }] }];
  }

  results(answer, texts) {
    const blocks = answer.calls.map((call, place) => ({
      type: "tool_result",
      tool_use_id: call.id,
      content: texts[place],
    }));
    return [answer.turn, { role: "user", content: blocks }];
  }

  body(model, messages, tools, schema) {
    const body = { model, messages, max_tokens: 500 };
    if (tools) {
      body.tools = this.shared.tools.map(({ name, description, parameters }) => ({
        name,
        description,
        input_schema: parameters,
      }));
    }
    if (schema) body.output_config = { format: { type: "json_schema", schema: this.shared.schema } };
    return body;
  }

  async ask(model, messages, tools, schema) {
    return this.read(await this.sdk.messages.create(this.body(model, messages, tools, schema)));
  }

  async stream(model, messages, tools) {
    let pieces = 0;
    const stream = this.sdk.messages.stream(this.body(model, messages, tools));
    for await (const event of stream) if (event.type === "content_block_delta") pieces += 1;
    return { ...this.read(await stream.finalMessage()), pieces };
  }

  async abandon(model, messages) {
    const stream = await this.sdk.messages.create({ model, messages, max_tokens: 500, stream: true });
    for await (const _ of stream) break;
    stream.controller.abort();
  }

  read(reply) {
    const calls = reply.content
      .filter((block) => block.type === "tool_use")
      .map((block) => ({ id: block.id, name: block.name, arguments: block.input }));
    return {
      text: reply.content.map((block) => (block.type === "text" ? block.text : "")).join(""),
      calls,
      finish: reply.stop_reason,
      input_tokens: reply.usage.input_tokens,
      output_tokens: reply.usage.output_tokens,
      turn: { role: "assistant", content: reply.content.map(({ parsed_output, ...block }) => block) },
    };
  }
}
