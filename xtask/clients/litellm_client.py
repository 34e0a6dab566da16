"""LiteLLM's SDK as a client."""

from __future__ import annotations

import json
import os
from typing import Any

# It would fetch its price list otherwise.
os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")

import litellm

# It prints advice for every model that its price list lacks.
litellm.suppress_debug_info = True

from case import PNG, SCHEMA, TOOLS, Answer, Call


class Client:
    def __init__(self, gateway: str) -> None:
        self.common = {"api_base": f"{gateway}/v1", "api_key": "unused", "num_retries": 0}

    def user(self, text: str, image: bool = False) -> list[Any]:
        if not image:
            return [{"role": "user", "content": text}]
        url = {"url": f"data:image/png;base64,{PNG}"}
        return [{"role": "user", "content": [{"type": "text", "text": text}, {"type": "image_url", "image_url": url}]}]

    def results(self, answer: Answer, texts: list[str]) -> list[Any]:
        tools = [{"role": "tool", "tool_call_id": call.id, "content": text} for call, text in zip(answer.calls, texts)]
        return [answer.turn, *tools]

    def options(self, model: str, messages: list[Any], tools: bool, schema: bool) -> dict[str, Any]:
        # The first part of the name chooses LiteLLM's own provider.
        options: dict[str, Any] = {"model": f"openai/{model}", "messages": messages, **self.common}
        if tools:
            options["tools"] = [{"type": "function", "function": tool} for tool in TOOLS]
        if schema:
            form = {"name": "person", "schema": SCHEMA, "strict": True}
            options["response_format"] = {"type": "json_schema", "json_schema": form}
        return options

    def ask(self, model: str, messages: list[Any], tools: bool = False, schema: bool = False) -> Answer:
        return self.read(litellm.completion(**self.options(model, messages, tools, schema)))

    def stream(self, model: str, messages: list[Any], tools: bool = False) -> Answer:
        usage = {"include_usage": True}
        stream = litellm.completion(stream=True, stream_options=usage, **self.options(model, messages, tools, False))
        chunks = list(stream)
        answer = self.read(litellm.stream_chunk_builder(chunks, messages=messages))
        answer.pieces = len(chunks)
        return answer

    def read(self, reply: Any) -> Answer:
        choice = reply.choices[0]
        calls = choice.message.tool_calls or []
        return Answer(
            text=choice.message.content or "",
            calls=[Call(call.id, call.function.name, json.loads(call.function.arguments)) for call in calls],
            finish=choice.finish_reason,
            input_tokens=reply.usage.prompt_tokens,
            output_tokens=reply.usage.completion_tokens,
            turn=choice.message.model_dump(exclude_none=True),
        )
