// The official OpenAI SDK for JavaScript, speaking responses.

import OpenAI from "openai";

export class Client {
  constructor(gateway, shared) {
    this.shared = shared;
    this.sdk = new OpenAI({ baseURL: `${gateway}/v1`, apiKey: "unused", maxRetries: 0, timeout: 20000 });
  }

  user(text, image) {
    if (!image) return [{ role: "user", content: text }];
    const url = `data:image/png;base64,${this.shared.png}`;
    return [{ role: "user", content: [{ type: "input_text", text }, { type: "input_image", image_url: url, detail: "auto" }] }];
  }

  results(answer, texts) {
    const outputs = answer.calls.map((call, place) => ({
      type: "function_call_output",
      call_id: call.id,
      output: texts[place],
    }));
    return [...answer.turn, ...outputs];
  }

  body(model, input, tools, schema) {
    const body = { model, input };
    if (tools) body.tools = this.shared.tools.map((tool) => ({ type: "function", strict: false, ...tool }));
    if (schema) {
      body.text = { format: { type: "json_schema", name: "person", schema: this.shared.schema, strict: true } };
    }
    return body;
  }

  async ask(model, messages, tools, schema) {
    return this.read(await this.sdk.responses.create(this.body(model, messages, tools, schema)));
  }

  async stream(model, messages, tools) {
    let pieces = 0;
    const stream = this.sdk.responses.stream(this.body(model, messages, tools));
    for await (const event of stream) if (event.type.endsWith(".delta")) pieces += 1;
    return { ...this.read(await stream.finalResponse()), pieces };
  }

  async abandon(model, messages) {
    const stream = await this.sdk.responses.create({ model, input: messages, stream: true });
    for await (const _ of stream) break;
    stream.controller.abort();
  }

  read(reply) {
    const calls = reply.output
      .filter((item) => item.type === "function_call")
      .map((item) => ({ id: item.call_id, name: item.name, arguments: JSON.parse(item.arguments) }));
    return {
      text: reply.output_text,
      calls,
      finish: reply.status,
      input_tokens: reply.usage.input_tokens,
      output_tokens: reply.usage.output_tokens,
      turn: reply.output.map(({ parsed_arguments, ...item }) => item),
    };
  }
}
