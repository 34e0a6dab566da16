"""What Anthropic refuses."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from rules import Asked, Found, Rule, repeated, unknown
from seal import seal

FIELDS = {
    "model", "messages", "max_tokens", "system", "metadata", "stop_sequences", "stream", "temperature", "top_k", "top_p",
    "tools", "tool_choice", "thinking", "output_config", "service_tier", "container", "cache_control", "inference_geo",
}
# Fields that are known only with a header `anthropic-beta` of one of these beginnings.
BETA_FIELDS = {
    "context_management": ("context-management", "compact"), "mcp_servers": ("mcp-client",), "speed": ("fast-mode",),
    "output_format": ("structured-outputs",), "betas": (), "diagnostics": ("cache-diagnosis",), "fallbacks": ("server-side-fallback",),
}
BLOCKS = {
    "text", "image", "document", "search_result", "thinking", "redacted_thinking", "tool_use", "tool_result",
    "server_tool_use", "web_search_tool_result", "web_fetch_tool_result", "code_execution_tool_result",
    "tool_search_tool_result", "tool_reference", "mcp_tool_use", "mcp_tool_result", "container_upload", "compaction",
}


def blocks(asked: Asked) -> Iterator[tuple[str, dict[str, Any], dict[str, Any]]]:
    for number, message in enumerate(asked.body.get("messages", [])):
        if isinstance(message.get("content"), list):
            for index, block in enumerate(message["content"]):
                yield f"messages.{number}.content.{index}", message, block


def uses(message: dict[str, Any] | None, kind: str, field: str) -> list[str]:
    content = message.get("content") if message else None
    return [block.get(field) for block in content if block["type"] == kind] if isinstance(content, list) else []


def extra_fields(asked: Asked) -> Found:
    betas = asked.headers.get("anthropic-beta", "")
    for name in unknown(asked.body, FIELDS):
        if not any(beta in betas for beta in BETA_FIELDS.get(name, ())):
            yield (name,)


def roles(asked: Asked) -> Found:
    for message in asked.body.get("messages", []):
        if message["role"] not in ("user", "assistant") and "mid-conversation-system" not in asked.headers.get("anthropic-beta", ""):
            yield (message["role"],)


def empty_messages(asked: Asked) -> Found:
    messages = asked.body.get("messages", [])
    for number, message in enumerate(messages):
        if not message.get("content") and not (number == len(messages) - 1 and message["role"] == "assistant"):
            yield (number,)


def empty_texts(asked: Asked) -> Found:
    for _, _, block in blocks(asked):
        if block["type"] == "text" and not block.get("text", "").strip():
            yield ("messages",)
    system = asked.body.get("system")
    if isinstance(system, list) and any(not block.get("text") for block in system):
        yield ("system",)


def orphan_results(asked: Asked) -> Found:
    before: dict[str, Any] | None = None
    for number, message in enumerate(asked.body.get("messages", [])):
        for identity in uses(message, "tool_result", "tool_use_id"):
            if identity not in uses(before, "tool_use", "id"):
                yield number, 0, identity
        before = message


def missing_results(asked: Asked) -> Found:
    messages = asked.body.get("messages", [])
    for number, message in enumerate(messages):
        wanted = uses(message, "tool_use", "id")
        following = messages[number + 1] if number + 1 < len(messages) else None
        content = following.get("content") if following else []
        leading: list[str] = []
        for block in content if isinstance(content, list) else []:
            if block["type"] != "tool_result":
                break
            leading.append(block["tool_use_id"])
        missing = [identity for identity in wanted if identity not in leading]
        if missing:
            yield number, ", ".join(missing)


def repeated_ids(asked: Asked) -> Found:
    for word in repeated([block["id"] for _, _, block in blocks(asked) if block["type"] == "tool_use"]):
        yield (word,)


def repeated_results(asked: Asked) -> Found:
    for word in repeated([block["tool_use_id"] for _, _, block in blocks(asked) if block["type"] == "tool_result"]):
        yield (word,)


def form_of_ids(asked: Asked) -> Found:
    for path, _, block in blocks(asked):
        identity = block.get("id") if block["type"] == "tool_use" else block.get("tool_use_id")
        if identity is not None and not re.fullmatch(r"[a-zA-Z0-9_-]+", identity):
            yield path, block["type"]


def inputs(asked: Asked) -> Found:
    for path, _, block in blocks(asked):
        if block["type"] == "tool_use" and not isinstance(block.get("input"), dict):
            yield (path,)


def kinds_of_blocks(asked: Asked) -> Found:
    for path, _, block in blocks(asked):
        if block["type"] not in BLOCKS:
            yield path, block["type"]


def fields_of_blocks(asked: Asked) -> Found:
    known = {
        "text": {"type", "text", "cache_control", "citations"},
        "tool_use": {"type", "id", "name", "input", "cache_control", "caller"},
        "tool_result": {"type", "tool_use_id", "content", "is_error", "cache_control"},
        "thinking": {"type", "thinking", "signature"},
    }
    for path, _, block in blocks(asked):
        for name in unknown(block, known.get(block["type"], set(block))):
            yield path, block["type"], name


def names_of_tools(asked: Asked) -> Found:
    for number, tool in enumerate(asked.body.get("tools") or []):
        if not re.fullmatch(r"[a-zA-Z0-9_-]{1,128}", tool.get("name", "")):
            yield (number,)


def repeated_tools(asked: Asked) -> Found:
    for name in repeated([tool.get("name", "") for tool in asked.body.get("tools") or []]):
        yield (name,)


def schemas_of_tools(asked: Asked) -> Found:
    for number, tool in enumerate(asked.body.get("tools") or []):
        schema = tool.get("input_schema")
        if tool.get("type", "custom") == "custom" and (not isinstance(schema, dict) or schema.get("type") != "object"):
            yield (number,)


def unions_of_tools(asked: Asked) -> Found:
    for number, tool in enumerate(asked.body.get("tools") or []):
        if any(word in (tool.get("input_schema") or {}) for word in ("oneOf", "allOf", "anyOf")):
            yield (number,)


def fields_of_tools(asked: Asked) -> Found:
    known = {
        "type", "name", "description", "input_schema", "cache_control", "strict", "eager_input_streaming", "defer_loading",
        "allowed_callers", "input_examples",
    }
    for number, tool in enumerate(asked.body.get("tools") or []):
        for name in unknown(tool, known) if tool.get("type", "custom") == "custom" else []:
            yield number, name


def cache_marks(asked: Asked) -> Found:
    def count(value: Any) -> int:
        if isinstance(value, dict):
            return bool(value.get("cache_control")) + sum(map(count, value.values()))
        return sum(map(count, value)) if isinstance(value, list) else 0

    marks = count([asked.body.get(name) for name in ("system", "messages", "tools")]) + bool(asked.body.get("cache_control"))
    if marks > 4:
        yield (marks,)


def adaptive(asked: Asked) -> Found:
    if "adaptive" not in asked.traits and (asked.body.get("thinking") or {}).get("type") == "adaptive":
        yield ()


def effort(asked: Asked) -> Found:
    if "adaptive" not in asked.traits and (asked.body.get("output_config") or {}).get("effort"):
        yield ()


def budgets(asked: Asked) -> Found:
    if "adaptive" in asked.traits and (asked.body.get("thinking") or {}).get("type") == "enabled":
        yield ()


def small_budgets(asked: Asked) -> Found:
    thinking = asked.body.get("thinking") or {}
    if thinking.get("type") == "enabled" and thinking.get("budget_tokens", 0) < 1024:
        yield ()


def large_budgets(asked: Asked) -> Found:
    thinking = asked.body.get("thinking") or {}
    if thinking.get("type") == "enabled" and thinking.get("budget_tokens", 0) >= asked.body.get("max_tokens", 0):
        yield ()


def forced(asked: Asked) -> Found:
    thinks = (asked.body.get("thinking") or {}).get("type") in ("enabled", "adaptive")
    if thinks and (asked.body.get("tool_choice") or {}).get("type") in ("any", "tool"):
        yield ()


def sampling(asked: Asked) -> Found:
    for name in ("temperature", "top_p", "top_k"):
        if "no sampling" in asked.traits and asked.body.get(name) not in (None, 1):
            yield (name,)


def both_samplers(asked: Asked) -> Found:
    if "one sampler" in asked.traits and {"temperature", "top_p"} <= asked.body.keys():
        yield ()


def hot_thinking(asked: Asked) -> Found:
    thinks = (asked.body.get("thinking") or {}).get("type") == "enabled"
    if thinks and asked.body.get("temperature", 1) != 1:
        yield ()


def prefill(asked: Asked) -> Found:
    messages = asked.body.get("messages") or [{"role": "user"}]
    if "no prefill" in asked.traits and messages[-1]["role"] == "assistant":
        yield ()


def thinking_first(asked: Asked) -> Found:
    """A tool loop that goes on must begin with its thinking, while a budget is given."""
    messages = asked.body.get("messages", [])
    if (asked.body.get("thinking") or {}).get("type") != "enabled" or not uses(messages[-1], "tool_result", "tool_use_id"):
        return
    for number in range(len(messages) - 1, -1, -1):
        content = messages[number].get("content")
        if messages[number]["role"] == "user" and not uses(messages[number], "tool_result", "tool_use_id"):
            return
        if messages[number]["role"] == "assistant" and isinstance(content, list):
            if content and content[0]["type"] not in ("thinking", "redacted_thinking"):
                yield number, content[0]["type"]


def unsigned(asked: Asked) -> Found:
    for path, _, block in blocks(asked):
        if block["type"] == "thinking" and not block.get("signature"):
            yield (path,)


def foreign_seals(asked: Asked) -> Found:
    for path, _, block in blocks(asked):
        if block["type"] == "thinking" and block.get("signature", "") != seal(asked.vendor, block.get("thinking", "")):
            yield (path,)


def no_limit(asked: Asked) -> Found:
    if not isinstance(asked.body.get("max_tokens"), int):
        yield ()


def high_limit(asked: Asked) -> Found:
    most = 128000 if "adaptive" in asked.traits else 64000
    if isinstance(asked.body.get("max_tokens"), int) and asked.body["max_tokens"] > most:
        yield asked.body["max_tokens"], most, asked.body["model"]


def user_ids(asked: Asked) -> Found:
    if len((asked.body.get("metadata") or {}).get("user_id") or "") > 256:
        yield ()


def choice_without_tools(asked: Asked) -> Found:
    if asked.body.get("tool_choice") and not asked.body.get("tools"):
        yield ()


RULES = [
    Rule(no_limit, "max_tokens: Field required"),
    Rule(high_limit, "max_tokens: {} > {}, which is the maximum allowed number of output tokens for {}"),
    Rule(extra_fields, "{}: Extra inputs are not permitted"),
    Rule(roles, 'messages: Unexpected role "{}". The Messages API accepts a top-level `system` parameter, not "system" as an input message role.'),
    Rule(empty_messages, "messages.{}: all messages must have non-empty content except for the optional final assistant message"),
    Rule(empty_texts, "{}: text content blocks must be non-empty"),
    Rule(kinds_of_blocks, "{}: Input tag '{}' found using 'type' does not match any of the expected tags"),
    Rule(fields_of_blocks, "{}.{}.{}: Extra inputs are not permitted"),
    Rule(inputs, "{}.tool_use.input: Input should be a valid dictionary"),
    Rule(orphan_results, "messages.{}.content.{}: unexpected `tool_use_id` found in `tool_result` blocks: {}. Each `tool_result` block must have a corresponding `tool_use` block in the previous message."),
    Rule(missing_results, "messages.{}: `tool_use` ids were found without `tool_result` blocks immediately after: {}. Each `tool_use` block must have a corresponding `tool_result` block in the next message."),
    Rule(repeated_ids, "messages: `tool_use` ids must be unique: {}"),
    Rule(repeated_results, "messages: each tool_use must have a single result. Found multiple `tool_result` blocks with id: {}"),
    Rule(form_of_ids, "{}.{}.id: String should match pattern '^[a-zA-Z0-9_-]+$'"),
    Rule(names_of_tools, "tools.{}.custom.name: String should match pattern '^[a-zA-Z0-9_-]{{1,128}}$'"),
    Rule(repeated_tools, "tools: Tool names must be unique: {}"),
    Rule(schemas_of_tools, "tools.{}.custom.input_schema.type: Field required"),
    Rule(unions_of_tools, "tools.{}.custom.input_schema: input_schema does not support oneOf, allOf, or anyOf at the top level"),
    Rule(fields_of_tools, "tools.{}.custom.{}: Extra inputs are not permitted"),
    Rule(choice_without_tools, "tool_choice may only be specified while providing tools."),
    Rule(cache_marks, "A maximum of 4 blocks with cache_control may be provided. Found {}."),
    Rule(adaptive, "adaptive thinking is not supported on this model"),
    Rule(effort, "This model does not support the effort parameter."),
    Rule(budgets, '"thinking.type.enabled" is not supported for this model. Use "thinking.type.adaptive" and "output_config.effort" to control thinking behavior.'),
    Rule(small_budgets, "thinking.enabled.budget_tokens: Input should be greater than or equal to 1024"),
    Rule(large_budgets, "`max_tokens` must be greater than `thinking.budget_tokens`."),
    Rule(forced, "Thinking may not be enabled when tool_choice forces tool use."),
    Rule(sampling, "`{}` is deprecated for this model."),
    Rule(both_samplers, "`temperature` and `top_p` cannot both be specified for this model. Please use only one."),
    Rule(hot_thinking, "`temperature` may only be set to 1 when thinking is enabled."),
    Rule(prefill, "This model does not support assistant message prefill. The conversation must end with a user message."),
    Rule(thinking_first, "messages.{}.content.0.type: Expected `thinking` or `redacted_thinking`, but found `{}`. When `thinking` is enabled, a final `assistant` message must start with a thinking block."),
    Rule(unsigned, "{}.thinking.signature: Field required"),
    Rule(foreign_seals, "{}: Invalid `signature` in `thinking` block"),
    Rule(user_ids, "metadata.user_id: String should have at most 256 characters"),
]
