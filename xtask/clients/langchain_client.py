"""LangChain's packages for OpenAI, in both of its protocols, and for Anthropic."""

from __future__ import annotations

from typing import Any

from langchain_anthropic import ChatAnthropic
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langchain_openai import ChatOpenAI

from case import PNG, SCHEMA, TOOLS, Answer, Call


class Client:
    def __init__(self, gateway: str, protocol: str) -> None:
        self.gateway = gateway
        self.protocol = protocol

    def model(self, name: str) -> Any:
        if self.protocol == "anthropic":
            return ChatAnthropic(model=name, base_url=self.gateway, api_key="unused", max_retries=0, max_tokens=500)
        responses = self.protocol == "responses"
        return ChatOpenAI(
            model=name, base_url=f"{self.gateway}/v1", api_key="unused", max_retries=0, use_responses_api=responses,
            stream_usage=True,
        )

    def user(self, text: str, image: bool = False) -> list[Any]:
        if not image:
            return [HumanMessage(text)]
        part = {"type": "image", "base64": PNG, "mime_type": "image/png"}
        return [HumanMessage(content=[{"type": "text", "text": text}, part])]

    def results(self, answer: Answer, texts: list[str]) -> list[Any]:
        tools = [ToolMessage(content=text, tool_call_id=call.id) for call, text in zip(answer.calls, texts)]
        return [answer.turn, *tools]

    def runnable(self, name: str, tools: bool, schema: bool) -> Any:
        model = self.model(name)
        if tools:
            return model.bind_tools([{"type": "function", "function": tool} for tool in TOOLS])
        if schema and self.protocol == "anthropic":
            return model.bind(output_config={"format": {"type": "json_schema", "schema": SCHEMA}})
        if schema:
            form = {"type": "json_schema", "json_schema": {"name": "person", "schema": SCHEMA, "strict": True}}
            return model.bind(response_format=form)
        return model

    def ask(self, model: str, messages: list[Any], tools: bool = False, schema: bool = False) -> Answer:
        return self.read(self.runnable(model, tools, schema).invoke(messages))

    def stream(self, model: str, messages: list[Any], tools: bool = False) -> Answer:
        whole, pieces = None, 0
        for chunk in self.runnable(model, tools, False).stream(messages):
            pieces += 1
            whole = chunk if whole is None else whole + chunk
        answer = self.read(whole)
        answer.pieces = pieces
        return answer

    def read(self, message: Any) -> Answer:
        calls = [Call(call["id"], call["name"], call["args"]) for call in message.tool_calls]
        data = message.response_metadata
        turn = AIMessage(content=message.content, tool_calls=message.tool_calls, additional_kwargs=message.additional_kwargs)
        return Answer(
            text=message.text if isinstance(message.text, str) else message.text(),
            calls=calls,
            finish=data.get("finish_reason") or data.get("stop_reason") or data.get("status"),
            input_tokens=message.usage_metadata["input_tokens"],
            output_tokens=message.usage_metadata["output_tokens"],
            turn=turn,
        )
