"""What OpenAI refuses, on chat completions and on responses, and the vendors who speak its chat."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from rules import Asked, Found, Rule, repeated, schemas, unknown
from seal import made_by, seal
from wire_responses import CALLS, items

CHAT_FIELDS = {
    "messages", "model", "audio", "frequency_penalty", "function_call", "functions", "logit_bias", "logprobs",
    "max_completion_tokens", "max_tokens", "metadata", "modalities", "n", "parallel_tool_calls", "prediction",
    "presence_penalty", "prompt_cache_key", "prompt_cache_retention", "reasoning_effort", "response_format",
    "safety_identifier", "seed", "service_tier", "stop", "store", "stream", "stream_options", "temperature", "tool_choice",
    "tools", "top_logprobs", "top_p", "user", "verbosity", "web_search_options",
}
RESPONSES_FIELDS = {
    "background", "context_management", "conversation", "include", "input", "instructions", "max_output_tokens",
    "max_tool_calls", "metadata", "model", "parallel_tool_calls", "previous_response_id", "prompt", "prompt_cache_key",
    "prompt_cache_retention", "reasoning", "safety_identifier", "service_tier", "store", "stream", "stream_options",
    "temperature", "text", "tool_choice", "tools", "top_logprobs", "top_p", "truncation", "user", "client_metadata",
}
MESSAGE_FIELDS = {
    "system": {"role", "content", "name"}, "developer": {"role", "content", "name"}, "user": {"role", "content", "name"},
    "assistant": {"role", "content", "name", "tool_calls", "refusal", "audio", "function_call"},
    "tool": {"role", "content", "tool_call_id", "name"},
}
EFFORTS = {"none", "low", "medium", "high", "xhigh"}
PREFIXES = {
    "message": "msg", "function_call": "fc", "reasoning": "rs", "custom_tool_call": "ctc", "function_call_output": "fc",
    "custom_tool_call_output": "ctc",
}


def messages(asked: Asked) -> list[dict[str, Any]]:
    return asked.body.get("messages") or []


def extra_chat(asked: Asked) -> Found:
    for name in unknown(asked.body, CHAT_FIELDS):
        yield (name,)


def extra_message(asked: Asked) -> Found:
    for number, message in enumerate(messages(asked)):
        for name in unknown(message, MESSAGE_FIELDS.get(message["role"], set(message))):
            yield (f"messages[{number}].{name}",)


def roles(asked: Asked) -> Found:
    for message in messages(asked):
        if message["role"] not in MESSAGE_FIELDS:
            yield (message["role"],)


def no_content(asked: Asked) -> Found:
    for number, message in enumerate(messages(asked)):
        if message.get("content") is None and not message.get("tool_calls"):
            yield (number,)


def empty_parts(asked: Asked) -> Found:
    for number, message in enumerate(messages(asked)):
        if message.get("content") == [] or message.get("tool_calls") == []:
            yield (f"messages[{number}]",)
    if asked.body.get("tools") == []:
        yield ("tools",)


def call_ids(message: dict[str, Any]) -> list[str]:
    return [call["id"] for call in message.get("tool_calls") or []]


def orphan_results(asked: Asked) -> Found:
    open_calls: list[str] = []
    for message in messages(asked):
        if message["role"] == "tool":
            if message.get("tool_call_id") not in open_calls:
                yield ()
        else:
            open_calls = call_ids(message)


def missing_results(asked: Asked) -> Found:
    open_calls: list[str] = []
    for message in [*messages(asked), {"role": "end"}]:
        if message["role"] == "tool":
            open_calls = [identity for identity in open_calls if identity != message.get("tool_call_id")]
        elif open_calls:
            yield (", ".join(open_calls),)
        if message["role"] != "tool":
            open_calls = call_ids(message)


def long_ids(asked: Asked) -> Found:
    for number, message in enumerate(messages(asked)):
        for index, identity in enumerate(call_ids(message)):
            if len(identity) > 40:
                yield f"messages[{number}].tool_calls[{index}].id", 40, len(identity)
        if len(message.get("tool_call_id") or "") > 40:
            yield f"messages[{number}].tool_call_id", 40, len(message["tool_call_id"])


def repeated_ids(asked: Asked) -> Found:
    for identity in repeated([identity for message in messages(asked) for identity in call_ids(message)]):
        yield (identity,)


def arguments(asked: Asked) -> Found:
    for number, message in enumerate(messages(asked)):
        for index, call in enumerate(message.get("tool_calls") or []):
            if call["type"] == "function" and not isinstance(call["function"].get("arguments"), str):
                yield (f"messages[{number}].tool_calls[{index}].function.arguments",)


def functions(asked: Asked) -> Iterator[tuple[str, dict[str, Any]]]:
    for number, tool in enumerate(asked.body.get("tools") or []):
        inner = tool.get("function", tool)
        if tool["type"] == "function":
            yield f"tools[{number}]" + (".function" if "function" in tool else ""), inner


def kinds_of_tools(asked: Asked) -> Found:
    for number, tool in enumerate(asked.body.get("tools") or []):
        if tool.get("type") not in ("function", "custom") or tool["type"] not in tool:
            yield f"tools[{number}].type", tool.get("type")


def names_of_tools(asked: Asked) -> Found:
    for path, function in functions(asked):
        if not re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", function.get("name", "")):
            yield (f"{path}.name",)


def objects_of_tools(asked: Asked) -> Found:
    for _, function in functions(asked):
        parameters = function.get("parameters")
        if parameters is not None and parameters.get("type") != "object":
            yield function["name"], parameters.get("type")


def lists_of_tools(asked: Asked) -> Found:
    for _, function in functions(asked):
        for path, schema in schemas(function.get("parameters")):
            if schema.get("type") == "array" and "items" not in schema:
                yield function["name"], path


def strict_tools(asked: Asked) -> Found:
    for _, function in functions(asked):
        if function.get("strict"):
            for path, schema in schemas(function.get("parameters")):
                if schema.get("type") == "object" and schema.get("additionalProperties") is not False:
                    yield function["name"], path


def optional_in_strict(asked: Asked) -> Found:
    for _, function in functions(asked):
        if function.get("strict"):
            for path, schema in schemas(function.get("parameters")):
                missing = set(schema.get("properties") or {}) - set(schema.get("required") or [])
                if missing:
                    yield function["name"], path, sorted(missing)[0]


def choice_without_tools(asked: Asked) -> Found:
    for name in ("tool_choice", "parallel_tool_calls"):
        if asked.body.get(name) is not None and not asked.body.get("tools"):
            yield (name,)


def old_limit(asked: Asked) -> Found:
    if "reasons" in asked.traits and "max_tokens" in asked.body:
        yield ()


def sampling(asked: Asked) -> Found:
    effort = asked.body.get("reasoning_effort") or (asked.body.get("reasoning") or {}).get("effort")
    if "rests" in asked.traits and effort in (None, "none"):
        return
    for name in ("temperature", "top_p"):
        if "reasons" in asked.traits and asked.body.get(name) not in (None, 1):
            yield name, asked.body[name]


def refused_of_reasoning(asked: Asked) -> Found:
    for name in ("stop", "logit_bias", "presence_penalty", "frequency_penalty"):
        if "reasons" in asked.traits and asked.body.get(name):
            yield (name,)


def effort_of_others(asked: Asked) -> Found:
    if "reasons" not in asked.traits and (asked.body.get("reasoning_effort") or asked.body.get("reasoning")):
        yield ("reasoning_effort" if "messages" in asked.body else "reasoning.effort",)


def efforts(asked: Asked) -> Found:
    effort = asked.body.get("reasoning_effort") or (asked.body.get("reasoning") or {}).get("effort")
    if effort is not None and effort not in EFFORTS:
        yield effort, asked.body["model"]


def tools_with_effort(asked: Asked) -> Found:
    wanted = {"effort alone": (None, "none"), "no effort": ("none",)}
    for trait in asked.traits & wanted.keys():
        if asked.body.get("tools") and asked.body.get("reasoning_effort") not in wanted[trait]:
            yield (asked.body["model"],)


def stream_options(asked: Asked) -> Found:
    if asked.body.get("stream_options") and not asked.body.get("stream"):
        yield ()


SCHEMAS = [
    Rule(names_of_tools, "Invalid '{}': string does not match pattern. Expected a string that matches the pattern '^[a-zA-Z0-9_-]+$'."),
    Rule(objects_of_tools, "Invalid schema for function '{}': schema must be a JSON Schema of 'type: \"object\"', got 'type: \"{}\"'."),
    Rule(lists_of_tools, "Invalid schema for function '{}': In context=({}), array schema missing items."),
    Rule(strict_tools, "Invalid schema for function '{}': In context=({}), 'additionalProperties' is required to be supplied and to be false."),
    Rule(optional_in_strict, "Invalid schema for function '{}': In context=({}), 'required' is required to be supplied and to be an array including every key in properties. Missing '{}'."),
    Rule(sampling, "Unsupported value: '{}' does not support {} with this model. Only the default (1) value is supported."),
    Rule(effort_of_others, "Unsupported parameter: '{}' is not supported with this model."),
    Rule(efforts, "Unsupported value: 'reasoning_effort' does not support '{}' with the '{}' model."),
    Rule(stream_options, "The 'stream_options' parameter is only allowed when 'stream' is enabled."),
]
# What every vendor with chat completions refuses.
HISTORY = [
    Rule(orphan_results, "Invalid parameter: messages with role 'tool' must be a response to a preceeding message with 'tool_calls'."),
    Rule(missing_results, "An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'. The following tool_call_ids did not have response messages: {}"),
    Rule(repeated_ids, "Duplicate value for 'tool_call_id': {}"),
    Rule(arguments, "Invalid type for '{}': expected a string."),
]
CHAT = [
    Rule(extra_chat, "Unknown parameter: '{}'."),
    Rule(roles, "Invalid value: '{}'. Supported values are: 'system', 'assistant', 'user', 'function', 'tool', and 'developer'."),
    Rule(extra_message, "Unknown parameter: '{}'."),
    Rule(no_content, "Invalid value for 'content' of messages[{}]: expected a string, got null."),
    Rule(empty_parts, "Invalid '{}': empty array. Expected an array with minimum length 1, but got an empty array instead."),
    *HISTORY,
    Rule(choice_without_tools, "Invalid value for '{0}': '{0}' is only allowed when 'tools' are specified."),
    Rule(long_ids, "Invalid '{}': string too long. Expected a string with maximum length {}, but got a string with length {} instead."),
    Rule(kinds_of_tools, "Invalid value for '{}': '{}'. Supported values are: 'function' and 'custom'."),
    Rule(old_limit, "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead."),
    Rule(refused_of_reasoning, "Unsupported parameter: '{}' is not supported with this model."),
    Rule(tools_with_effort, "Function tools with reasoning_effort are not supported for {} in /v1/chat/completions. Please use /v1/responses instead."),
    *SCHEMAS,
]


def extra_responses(asked: Asked) -> Found:
    for name in unknown(asked.body, RESPONSES_FIELDS):
        yield (name,)


def item_roles(asked: Asked) -> Found:
    for item in items(asked.body):
        if item.get("type", "message") == "message" and item.get("role") not in ("user", "assistant", "system", "developer"):
            yield (item.get("role"),)


def content_kinds(asked: Asked) -> Found:
    for number, item in enumerate(items(asked.body)):
        content = item.get("content")
        if item.get("type", "message") != "message" or not isinstance(content, list):
            continue
        for index, part in enumerate(content):
            wanted = ("output_text", "refusal") if item["role"] == "assistant" else ("input_text", "input_image", "input_file")
            if part.get("type") not in wanted:
                yield f"input[{number}].content[{index}]", part.get("type")


def long_item_ids(asked: Asked) -> Found:
    for number, item in enumerate(items(asked.body)):
        for name in ("id", "call_id"):
            if len(item.get(name) or "") > 64:
                yield f"input[{number}].{name}", 64, len(item[name])


def prefixes(asked: Asked) -> Found:
    for number, item in enumerate(items(asked.body)):
        prefix = PREFIXES.get(item.get("type", "message"))
        if item.get("id") and prefix and not item["id"].startswith(prefix):
            yield number, item["id"], prefix


def item_ids(asked: Asked, kinds: tuple[str, ...], suffix: str) -> list[str]:
    return [item["call_id"] for item in items(asked.body) if item.get("type") in [kind + suffix for kind in kinds]]


def orphan_outputs(asked: Asked) -> Found:
    for identity in item_ids(asked, CALLS, "_output"):
        if identity not in item_ids(asked, CALLS, "") and not asked.body.get("previous_response_id"):
            yield (identity,)


def missing_outputs(asked: Asked) -> Found:
    for identity in item_ids(asked, CALLS, ""):
        if identity not in item_ids(asked, CALLS, "_output"):
            yield (identity,)


def repeated_items(asked: Asked) -> Found:
    yield from ((identity,) for identity in repeated([item["id"] for item in items(asked.body) if item.get("id")]))
    yield from ((identity,) for identity in repeated(item_ids(asked, CALLS, "")))


def foreign_seals(asked: Asked) -> Found:
    for item in items(asked.body):
        sealed = item.get("encrypted_content")
        # Which item was sealed is known only where its id came back.
        if sealed and not (sealed == seal(asked.vendor, item["id"]) if item.get("id") else made_by(asked.vendor, sealed)):
            yield (sealed[:24],)


def unkept_reasoning(asked: Asked) -> Found:
    for item in items(asked.body):
        if item.get("type") == "reasoning" and not item.get("encrypted_content") and asked.body.get("store") is False:
            yield (item.get("id"),)


def lone_reasoning(asked: Asked) -> Found:
    given = items(asked.body)
    for number, item in enumerate(given):
        following = given[number + 1] if number + 1 < len(given) else {}
        made = following.get("type") in CALLS or following.get("type") == "reasoning" or following.get("role") == "assistant"
        if item.get("type") == "reasoning" and not made:
            yield (item.get("id"),)


RESPONSES = [
    Rule(extra_responses, "Unknown parameter: '{}'."),
    Rule(item_roles, "Invalid value: '{}'. Supported values are: 'assistant', 'system', 'developer', and 'user'."),
    Rule(content_kinds, "Invalid value for '{}': '{}'."),
    Rule(long_item_ids, "Invalid '{}': string too long. Expected a string with maximum length {}, but got a string with length {} instead."),
    Rule(prefixes, "Invalid 'input[{}].id': '{}'. Expected an ID that begins with '{}'."),
    Rule(orphan_outputs, "No tool call found for function call output with call_id {}."),
    Rule(missing_outputs, "No tool output found for function call {}."),
    Rule(repeated_items, "Duplicate item found with id {}. Remove duplicate items from your input and try again."),
    Rule(foreign_seals, "The encrypted content {} could not be verified. Reason: Encrypted content could not be decrypted or parsed."),
    Rule(unkept_reasoning, "Item with id '{}' not found. Items are not persisted when `store` is set to false. Try again with `store` set to true, or remove this item from your input.", 404),
    Rule(lone_reasoning, "Item '{}' of type 'reasoning' was provided without its required following item."),
    *SCHEMAS,
]


def form_of_ids(asked: Asked) -> Found:
    for message in messages(asked):
        for identity in [*call_ids(message), *filter(None, [message.get("tool_call_id")])]:
            if not re.fullmatch(r"[a-zA-Z0-9]{9}", identity):
                yield (identity,)


def narrow_roles(asked: Asked) -> Found:
    for number, message in enumerate(messages(asked)):
        if message["role"] not in ("system", "user", "assistant", "tool"):
            yield number, message["role"]


def extra_mistral(asked: Asked) -> Found:
    known = {
        "model", "messages", "temperature", "top_p", "max_tokens", "stream", "stop", "random_seed", "response_format",
        "tools", "tool_choice", "presence_penalty", "frequency_penalty", "n", "prediction", "parallel_tool_calls",
        "prompt_mode", "safe_prompt", "metadata", "reasoning_effort", "prompt_cache_key", "guardrails",
    }
    for name in unknown(asked.body, known):
        yield ("body", name)
    fields = {
        "assistant": {"role", "content", "tool_calls", "prefix"}, "tool": {"role", "content", "tool_call_id", "name"},
        "system": {"role", "content"}, "user": {"role", "content"},
    }
    for number, message in enumerate(messages(asked)):
        for name in unknown(message, fields.get(message["role"], set(message))):
            yield f"body.messages.{number}.{message['role']}", name


def user_after_tool(asked: Asked) -> Found:
    given = messages(asked)
    for before, message in zip(given, given[1:]):
        if before["role"] == "tool" and message["role"] == "user":
            yield ()


def last_role(asked: Asked) -> Found:
    last = messages(asked)[-1]
    if last["role"] not in ("user", "tool") and not last.get("prefix"):
        yield (last["role"],)


def only_functions(asked: Asked) -> Found:
    for number, tool in enumerate(asked.body.get("tools") or []):
        if tool.get("type") != "function":
            yield number, tool.get("type")


MISTRAL = [
    Rule(narrow_roles, "body.messages.{}: Input tag '{}' found using 'role' does not match any of the expected tags: 'system', 'user', 'assistant', 'tool'", 422),
    Rule(extra_mistral, "{}.{}: Extra inputs are not permitted", 422),
    Rule(only_functions, "body.tools.{}.type: Input should be 'function', got '{}'", 422),
    Rule(form_of_ids, "Tool call id was {} but must be a-z, A-Z, 0-9, with a length of 9."),
    Rule(user_after_tool, "Unexpected role 'user' after role 'tool'"),
    Rule(last_role, "Expected last role User or Tool (or Assistant with prefix True) for serving but got {}"),
    *HISTORY,
    Rule(names_of_tools, "Function name of {} must be a-z, A-Z, 0-9, or contain underscores and dashes, with a maximum length of 64."),
    Rule(choice_without_tools, "{} is only allowed with tools"),
]


def lost_reasoning(asked: Asked) -> Found:
    for number, message in enumerate(messages(asked)):
        later = [one["role"] for one in messages(asked)[number:]]
        if message["role"] == "assistant" and message.get("tool_calls") and "user" not in later:
            if "reasons back" in asked.traits and not message.get("reasoning_content"):
                yield ()


DEEPSEEK = [
    Rule(narrow_roles, "Failed to deserialize the JSON body into the target type: messages[{}].role: unknown variant `{}`, expected one of `system`, `user`, `assistant`, `tool`"),
    Rule(only_functions, "Failed to deserialize the JSON body into the target type: tools[{}].type: unknown variant `{}`, expected `function`"),
    *HISTORY,
    Rule(lost_reasoning, "The `reasoning_content` in the thinking mode must be passed back to the API."),
    Rule(no_content, "Invalid assistant message: content or tool_calls must be set (messages[{}])"),
    Rule(names_of_tools, "Invalid '{}': string does not match pattern. Expected a string that matches the pattern '^[a-zA-Z0-9_-]+$'."),
]
