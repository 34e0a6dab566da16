"""pydantic-ai's models for each client protocol."""

from __future__ import annotations

import base64
from typing import Any

from pydantic_ai import BinaryContent, ToolDefinition
from pydantic_ai.direct import model_request_stream_sync, model_request_sync
from pydantic_ai.messages import ModelRequest, ToolReturnPart, UserPromptPart
from pydantic_ai.models import ModelRequestParameters
from pydantic_ai.models.anthropic import AnthropicModel
from pydantic_ai.models.google import GoogleModel
from pydantic_ai.models.openai import OpenAIChatModel, OpenAIResponsesModel
from pydantic_ai.output import OutputObjectDefinition
from pydantic_ai.providers.anthropic import AnthropicProvider
from pydantic_ai.providers.google import GoogleProvider
from pydantic_ai.providers.openai import OpenAIProvider

from case import PNG, SCHEMA, TOOLS, Answer, Call


class Client:
    def __init__(self, gateway: str, protocol: str) -> None:
        self.gateway = gateway
        self.protocol = protocol

    def model(self, name: str) -> Any:
        match self.protocol:
            case "chat":
                return OpenAIChatModel(name, provider=OpenAIProvider(base_url=f"{self.gateway}/v1", api_key="unused"))
            case "responses":
                provider = OpenAIProvider(base_url=f"{self.gateway}/v1", api_key="unused")
                return OpenAIResponsesModel(name, provider=provider)
            case "anthropic":
                # It knows what a model can do by its name, and knows none of ours.
                provider = AnthropicProvider(base_url=self.gateway, api_key="unused")
                return AnthropicModel(name, provider=provider, profile={"supports_json_schema_output": True})
            case _:
                return GoogleModel(name, provider=GoogleProvider(base_url=self.gateway, api_key="unused"))

    def user(self, text: str, image: bool = False) -> list[Any]:
        content: Any = [text, BinaryContent(data=base64.b64decode(PNG), media_type="image/png")] if image else text
        return [ModelRequest(parts=[UserPromptPart(content=content)])]

    def results(self, answer: Answer, texts: list[str]) -> list[Any]:
        parts = [
            ToolReturnPart(tool_name=call.name, content=text, tool_call_id=call.id)
            for call, text in zip(answer.calls, texts)
        ]
        return [answer.turn, ModelRequest(parts=parts)]

    def parameters(self, tools: bool, schema: bool) -> ModelRequestParameters:
        functions = [
            ToolDefinition(name=tool["name"], description=tool["description"], parameters_json_schema=tool["parameters"])
            for tool in (TOOLS if tools else [])
        ]
        if not schema:
            return ModelRequestParameters(function_tools=functions, allow_text_output=True)
        form = OutputObjectDefinition(json_schema=SCHEMA, name="person", strict=True)
        return ModelRequestParameters(output_mode="native", output_object=form, allow_text_output=True)

    def ask(self, model: str, messages: list[Any], tools: bool = False, schema: bool = False) -> Answer:
        return self.read(
            model_request_sync(self.model(model), messages, model_request_parameters=self.parameters(tools, schema))
        )

    def stream(self, model: str, messages: list[Any], tools: bool = False) -> Answer:
        pieces = 0
        with model_request_stream_sync(
            self.model(model), messages, model_request_parameters=self.parameters(tools, False)
        ) as stream:
            for _ in stream:
                pieces += 1
            response = stream.response
        answer = self.read(response)
        answer.pieces = pieces
        return answer

    def read(self, response: Any) -> Answer:
        calls = [Call(call.tool_call_id, call.tool_name, call.args_as_dict()) for call in response.tool_calls]
        return Answer(
            text=response.text or "",
            calls=calls,
            finish=response.finish_reason,
            input_tokens=response.usage.input_tokens,
            output_tokens=response.usage.output_tokens,
            turn=response,
        )
