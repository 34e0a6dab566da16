"""The official Google SDK."""

from __future__ import annotations

import base64
from typing import Any

from google import genai
from google.genai import errors, types

from case import PNG, SCHEMA, TOOLS, Answer, Call, Refused

STATUS_CLASSES = {400: "ClientError", 401: "ClientError", 403: "ClientError", 404: "ClientError", 429: "ClientError",
                  500: "ServerError", 503: "ServerError"}


class Client:
    def __init__(self, gateway: str) -> None:
        options = types.HttpOptions(base_url=gateway, api_version="v1beta", timeout=20_000)
        self.sdk = genai.Client(api_key="unused", http_options=options)

    def user(self, text: str, image: bool = False) -> list[Any]:
        parts = [types.Part.from_text(text=text)]
        if image:
            parts.append(types.Part.from_bytes(data=base64.b64decode(PNG), mime_type="image/png"))
        return [types.Content(role="user", parts=parts)]

    def results(self, answer: Answer, texts: list[str]) -> list[Any]:
        parts = []
        for call, text in zip(answer.calls, texts):
            response = types.FunctionResponse(id=call.id, name=call.name, response={"result": text})
            parts.append(types.Part(function_response=response))
        return [answer.turn, types.Content(role="user", parts=parts)]

    def config(self, tools: bool, schema: bool) -> types.GenerateContentConfig:
        config = types.GenerateContentConfig()
        if tools:
            functions = [
                types.FunctionDeclaration(
                    name=tool["name"], description=tool["description"], parameters_json_schema=tool["parameters"]
                )
                for tool in TOOLS
            ]
            config.tools = [types.Tool(function_declarations=functions)]
            config.automatic_function_calling = types.AutomaticFunctionCallingConfig(disable=True)
        if schema:
            config.response_mime_type = "application/json"
            config.response_json_schema = SCHEMA
        return config

    def ask(self, model: str, messages: list[Any], tools: bool = False, schema: bool = False) -> Answer:
        try:
            reply = self.sdk.models.generate_content(model=model, contents=messages, config=self.config(tools, schema))
        except errors.APIError as error:
            raise Refused(type(error).__name__, error.code, str(error)) from error
        return self.read([reply])

    def stream(self, model: str, messages: list[Any], tools: bool = False) -> Answer:
        config = self.config(tools, False)
        chunks = list(self.sdk.models.generate_content_stream(model=model, contents=messages, config=config))
        answer = self.read(chunks)
        answer.pieces = len(chunks)
        return answer

    def abandon(self, model: str, messages: list[Any]) -> None:
        stream = self.sdk.models.generate_content_stream(model=model, contents=messages)
        next(stream)
        stream.close()

    def read(self, chunks: list[Any]) -> Answer:
        candidates = [chunk.candidates[0] for chunk in chunks if chunk.candidates]
        parts = [part for one in candidates for part in (one.content.parts if one.content else None) or []]
        calls = [Call(part.function_call.id, part.function_call.name, part.function_call.args) for part in parts
                 if part.function_call]
        finishes = [one.finish_reason for one in candidates if one.finish_reason]
        usage = [chunk.usage_metadata for chunk in chunks if chunk.usage_metadata][-1]
        return Answer(
            text="".join(part.text for part in parts if part.text and not part.thought),
            calls=calls,
            finish=finishes[-1].value if finishes else None,
            input_tokens=usage.prompt_token_count or 0,
            output_tokens=usage.candidates_token_count or 0,
            turn=types.Content(role="model", parts=[part for part in parts if part.text or part.function_call]),
        )
