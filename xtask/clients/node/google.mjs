// The official Google SDK for JavaScript.

import { GoogleGenAI } from "@google/genai";

export class Client {
  constructor(gateway, shared) {
    this.shared = shared;
    this.sdk = new GoogleGenAI({ apiKey: "unused", httpOptions: { baseUrl: gateway, timeout: 20000 } });
  }

  user(text, image) {
    const parts = [{ text }];
    if (image) parts.push({ inlineData: { mimeType: "image/png", data: this.shared.png } });
    return [{ role: "user", parts }];
  }

  results(answer, texts) {
    const parts = answer.calls.map((call, place) => ({
      functionResponse: { id: call.id, name: call.name, response: { result: texts[place] } },
    }));
    return [answer.turn, { role: "user", parts }];
  }

  config(tools, schema) {
    const config = {};
    if (tools) {
      const functions = this.shared.tools.map(({ name, description, parameters }) => ({
        name,
        description,
        parametersJsonSchema: parameters,
      }));
      config.tools = [{ functionDeclarations: functions }];
    }
    if (schema) {
      config.responseMimeType = "application/json";
      config.responseJsonSchema = this.shared.schema;
    }
    return config;
  }

  async ask(model, contents, tools, schema) {
    return this.read([await this.sdk.models.generateContent({ model, contents, config: this.config(tools, schema) })]);
  }

  async stream(model, contents, tools) {
    const chunks = [];
    const stream = await this.sdk.models.generateContentStream({ model, contents, config: this.config(tools) });
    for await (const chunk of stream) chunks.push(chunk);
    return { ...this.read(chunks), pieces: chunks.length };
  }

  async abandon(model, contents) {
    const abort = new AbortController();
    const stream = await this.sdk.models.generateContentStream({ model, contents, config: { abortSignal: abort.signal } });
    await stream.next();
    abort.abort();
  }

  read(chunks) {
    const candidates = chunks.flatMap((chunk) => chunk.candidates?.slice(0, 1) ?? []);
    const parts = candidates.flatMap((candidate) => candidate.content?.parts ?? []);
    const usage = chunks.map((chunk) => chunk.usageMetadata).filter(Boolean).at(-1) ?? {};
    return {
      text: parts.map((part) => (part.text && !part.thought ? part.text : "")).join(""),
      calls: parts
        .filter((part) => part.functionCall)
        .map((part) => ({ id: part.functionCall.id, name: part.functionCall.name, arguments: part.functionCall.args })),
      finish: candidates.map((candidate) => candidate.finishReason).filter(Boolean).at(-1) ?? null,
      input_tokens: usage.promptTokenCount ?? 0,
      output_tokens: usage.candidatesTokenCount ?? 0,
      turn: { role: "model", parts: parts.filter((part) => part.text || part.functionCall) },
    };
  }
}
