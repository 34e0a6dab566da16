"""A request of each protocol that its vendor takes, and for each rule a change by which it is refused."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import rules_generate
import rules_messages
import rules_openai
from rules import TRAITS, Asked, Rule, breaches
from seal import seal

Change = Callable[[dict[str, Any]], Any]
SCHEMA = {"type": "object", "properties": {"path": {"type": "string"}}, "required": ["path"]}

MESSAGES = {
    "model": "claude-sonnet-4-5", "max_tokens": 4000, "stream": True,
    "tools": [{"name": "read", "input_schema": SCHEMA}],
    "messages": [
        {"role": "user", "content": "hi"},
        {"role": "assistant", "content": [
            {"type": "thinking", "thinking": "so", "signature": seal("anthropic", "so")},
            {"type": "tool_use", "id": "toolu_1", "name": "read", "input": {}},
            {"type": "tool_use", "id": "toolu_2", "name": "read", "input": {}},
        ]},
        {"role": "user", "content": [
            {"type": "tool_result", "tool_use_id": "toolu_1", "content": "a"},
            {"type": "tool_result", "tool_use_id": "toolu_2", "content": "b"},
        ]},
    ],
}
FUNCTION = {"name": "read", "parameters": SCHEMA}
CHAT = {
    "model": "gpt-5.4", "tools": [{"type": "function", "function": FUNCTION}],
    "messages": [
        {"role": "user", "content": "hi"},
        {"role": "assistant", "content": None, "tool_calls": [
            {"id": "abcdefgh1", "type": "function", "function": {"name": "read", "arguments": "{}"}},
            {"id": "abcdefgh2", "type": "function", "function": {"name": "read", "arguments": "{}"}},
        ]},
        {"role": "tool", "tool_call_id": "abcdefgh1", "content": "a"},
        {"role": "tool", "tool_call_id": "abcdefgh2", "content": "b"},
    ],
}
RESPONSES = {
    "model": "gpt-5.4", "store": False, "tools": [{"type": "function", **FUNCTION}],
    "input": [
        {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "hi"}]},
        {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": seal("openai", "rs_1")},
        {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "read", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "call_1", "output": "a"},
    ],
}
GENERATE = {
    "tools": [{"functionDeclarations": [{"name": "read", "parameters": SCHEMA}]}],
    "contents": [
        {"role": "user", "parts": [{"text": "hi"}]},
        {"role": "model", "parts": [
            {"functionCall": {"name": "read", "args": {}}, "thoughtSignature": seal("gemini", "read")},
            {"functionCall": {"name": "read", "args": {}}},
        ]},
        {"role": "user", "parts": [
            {"functionResponse": {"name": "read", "response": {"result": "a"}}},
            {"functionResponse": {"name": "read", "response": {"result": "b"}}},
        ]},
    ],
}
OPUS = {"model": "claude-opus-4-7"}
BUDGET = {"type": "enabled", "budget_tokens": 2000}
THINKS: Change = lambda body: body["messages"][1]["content"].pop(0)
MESSAGES_CHANGES: dict[str, Change] = {
    "no_limit": lambda body: body.pop("max_tokens"),
    "high_limit": lambda body: body.update(max_tokens=70000),
    "extra_fields": lambda body: body.update(n=1),
    "roles": lambda body: body["messages"].insert(0, {"role": "developer", "content": "x"}),
    "empty_messages": lambda body: body["messages"][0].update(content=""),
    "empty_texts": lambda body: body["messages"][0].update(content=[{"type": "text", "text": ""}]),
    "kinds_of_blocks": lambda body: body["messages"][0].update(content=[{"type": "input_text", "text": "x"}]),
    "fields_of_blocks": lambda body: body["messages"][2]["content"][0].update(name="read"),
    "inputs": lambda body: body["messages"][1]["content"][1].update(input="{}"),
    "orphan_results": lambda body: body["messages"][2]["content"][0].update(tool_use_id="toolu_3"),
    "missing_results": lambda body: body["messages"][2]["content"].pop(),
    "repeated_ids": lambda body: body["messages"][1]["content"][2].update(id="toolu_1"),
    "repeated_results": lambda body: body["messages"][2]["content"][1].update(tool_use_id="toolu_1"),
    "form_of_ids": lambda body: body["messages"][1]["content"][1].update(id="a.b"),
    "names_of_tools": lambda body: body["tools"][0].update(name="a.b"),
    "repeated_tools": lambda body: body["tools"].append(body["tools"][0]),
    "schemas_of_tools": lambda body: body["tools"][0].update(input_schema={}),
    "unions_of_tools": lambda body: body["tools"][0].update(input_schema={"type": "object", "anyOf": [{}]}),
    "fields_of_tools": lambda body: body["tools"][0].update(parameters={}),
    "choice_without_tools": lambda body: body.update(tools=[], tool_choice={"type": "auto"}),
    "cache_marks": lambda body: body.update(system=[{"type": "text", "text": "x", "cache_control": {"type": "ephemeral"}}] * 5),
    "adaptive": lambda body: body.update(thinking={"type": "adaptive"}),
    "effort": lambda body: body.update(output_config={"effort": "high"}),
    "budgets": lambda body: body.update(OPUS, thinking=BUDGET),
    "small_budgets": lambda body: body.update(thinking={"type": "enabled", "budget_tokens": 10}),
    "large_budgets": lambda body: body.update(thinking={"type": "enabled", "budget_tokens": 4000}),
    "forced": lambda body: body.update(thinking=BUDGET, tool_choice={"type": "any"}),
    "sampling": lambda body: body.update(OPUS, temperature=0.5),
    "both_samplers": lambda body: body.update(temperature=0.5, top_p=0.5),
    "hot_thinking": lambda body: body.update(thinking=BUDGET, temperature=0.5),
    "prefill": lambda body: body.update(OPUS, messages=[*body["messages"], {"role": "assistant", "content": "I"}]),
    "thinking_first": lambda body: (THINKS(body), body.update(thinking=BUDGET)),
    "unsigned": lambda body: body["messages"][1]["content"][0].pop("signature"),
    "foreign_seals": lambda body: body["messages"][1]["content"][0].update(signature="x"),
    "user_ids": lambda body: body.update(metadata={"user_id": "x" * 257}),
}


def call(body: dict[str, Any], number: int = 0) -> dict[str, Any]:
    return body["messages"][1]["tool_calls"][number]


def strict(**schema: Any) -> Change:
    def change(body: dict[str, Any]) -> None:
        function = body["tools"][0].get("function", body["tools"][0])
        function.update(strict=True, parameters={**SCHEMA, **schema})

    return change


def parameters(schema: dict[str, Any]) -> Change:
    return lambda body: body["tools"][0].get("function", body["tools"][0]).update(parameters=schema)


SCHEMA_CHANGES: dict[str, Change] = {
    "names_of_tools": lambda body: body["tools"][0].get("function", body["tools"][0]).update(name="a.b"),
    "objects_of_tools": parameters({"type": "string"}),
    "lists_of_tools": parameters({"type": "object", "properties": {"a": {"type": "array"}}}),
    "strict_tools": strict(),
    "optional_in_strict": strict(additionalProperties=False, required=[]),
    "sampling": lambda body: body.update(model="gpt-5.5", temperature=0.5, reasoning_effort="none"),
    "effort_of_others": lambda body: body.update(model="gpt-4.1", reasoning_effort="low"),
    "efforts": lambda body: body.update(reasoning_effort="max"),
    "stream_options": lambda body: body.update(stream_options={"include_usage": True}),
}
HISTORY_CHANGES: dict[str, Change] = {
    "orphan_results": lambda body: body["messages"][2].update(tool_call_id="abcdefgh3"),
    "missing_results": lambda body: body["messages"].pop(),
    "repeated_ids": lambda body: call(body, 1).update(id="abcdefgh1"),
    "arguments": lambda body: call(body)["function"].update(arguments={}),
}
CHAT_CHANGES: dict[str, Change] = {
    **SCHEMA_CHANGES, **HISTORY_CHANGES,
    "extra_chat": lambda body: body.update(top_k=1),
    "roles": lambda body: body["messages"].insert(0, {"role": "model", "content": "x"}),
    "extra_message": lambda body: body["messages"][1].update(reasoning_content="x"),
    "no_content": lambda body: body["messages"][0].update(content=None),
    "empty_parts": lambda body: body["messages"][0].update(content=[]),
    "choice_without_tools": lambda body: (body.pop("tools"), body.update(tool_choice="auto")),
    "long_ids": lambda body: call(body).update(id="x" * 41),
    "kinds_of_tools": lambda body: body["tools"].append({"type": "web_search"}),
    "old_limit": lambda body: body.update(max_tokens=10),
    "refused_of_reasoning": lambda body: body.update(stop=["x"]),
    "tools_with_effort": lambda body: body.update(reasoning_effort="low"),
}
RESPONSES_CHANGES: dict[str, Change] = {
    **SCHEMA_CHANGES,
    "extra_responses": lambda body: body.update(messages=[]),
    "item_roles": lambda body: body["input"][0].update(role="tool"),
    "content_kinds": lambda body: body["input"][0]["content"][0].update(type="text"),
    "long_item_ids": lambda body: body["input"][2].update(id="fc_" + "x" * 62),
    "prefixes": lambda body: body["input"][2].update(id="call_1"),
    "orphan_outputs": lambda body: body["input"].pop(2),
    "missing_outputs": lambda body: body["input"].pop(),
    "repeated_items": lambda body: body["input"].append(body["input"][2]),
    "foreign_seals": lambda body: body["input"][1].update(encrypted_content="x"),
    "unkept_reasoning": lambda body: body["input"][1].pop("encrypted_content"),
    "lone_reasoning": lambda body: body["input"].append({**body["input"][1], "id": "rs_2"}),
}
MISTRAL_CHANGES: dict[str, Change] = {
    **HISTORY_CHANGES,
    "narrow_roles": lambda body: body["messages"].insert(0, {"role": "developer", "content": "x"}),
    "extra_mistral": lambda body: body.update(seed=1),
    "only_functions": lambda body: body["tools"].append({"type": "custom", "custom": {"name": "x"}}),
    "form_of_ids": lambda body: call(body).update(id="call_1"),
    "user_after_tool": lambda body: body["messages"].append({"role": "user", "content": "x"}),
    "last_role": lambda body: body["messages"].append({"role": "assistant", "content": "x"}),
    "names_of_tools": SCHEMA_CHANGES["names_of_tools"],
    "choice_without_tools": CHAT_CHANGES["choice_without_tools"],
}
DEEPSEEK_CHANGES: dict[str, Change] = {
    **HISTORY_CHANGES,
    "narrow_roles": MISTRAL_CHANGES["narrow_roles"], "only_functions": MISTRAL_CHANGES["only_functions"],
    "lost_reasoning": lambda body: body["messages"][1].pop("reasoning_content"),
    "no_content": CHAT_CHANGES["no_content"], "names_of_tools": SCHEMA_CHANGES["names_of_tools"],
}


def declared(body: dict[str, Any]) -> dict[str, Any]:
    return body["tools"][0]["functionDeclarations"][0]


def thoughts(**settings: Any) -> Change:
    return lambda body: body.update(generationConfig={"thinkingConfig": settings})


GENERATE_CHANGES: dict[str, Change] = {
    "no_contents": lambda body: body.update(contents=[]),
    "extra_fields": lambda body: body.update(stream=True),
    "extra_in_tools": lambda body: declared(body).update(parameters={**SCHEMA, "$schema": "x"}),
    "kinds_in_tools": lambda body: declared(body).update(parameters={"type": ["object", "null"]}),
    "bare_lists": lambda body: declared(body).update(parameters={"type": "array"}),
    "both_schemas": lambda body: declared(body).update(parametersJsonSchema={}),
    "names_of_tools": lambda body: declared(body).update(name="1"),
    "roles": lambda body: body["contents"][0].update(role="system"),
    "empty_contents": lambda body: body["contents"][0].update(parts=[]),
    "empty_parts": lambda body: body["contents"][0].update(parts=[{"thought": True}]),
    "args": lambda body: body["contents"][2]["parts"][0]["functionResponse"].update(response="a"),
    "counts": lambda body: body["contents"][2]["parts"].pop(),
    "results_by_name": lambda body: body["contents"][2]["parts"][0]["functionResponse"].update(name="other"),
    "call_turns": lambda body: body["contents"].pop(0),
    "unsigned": lambda body: body["contents"][1]["parts"][0].pop("thoughtSignature"),
    "foreign_seals": lambda body: body["contents"][1]["parts"][0].update(thoughtSignature="x"),
    "both_thoughts": thoughts(thinkingBudget=100, thinkingLevel="low"),
    "levels": lambda body: (thoughts(thinkingLevel="low")(body), body.update(model="gemini-2.5-flash")),
    "zero_budget": thoughts(thinkingBudget=0),
}


def of(model: str, thinking: dict[str, str]) -> dict[str, Any]:
    """Makes the chat one of another vendor's model, with the thinking that it wants back."""
    body = copy.deepcopy(CHAT)
    body["model"] = model
    body["messages"][1].update(thinking)
    return body


TABLES: list[tuple[str, str, list[Rule], dict[str, Any], dict[str, Change]]] = [
    ("anthropic", "claude-sonnet-4-5", rules_messages.RULES, MESSAGES, MESSAGES_CHANGES),
    ("openai", "gpt-5.4", rules_openai.CHAT, CHAT, CHAT_CHANGES),
    ("openai", "gpt-5.4", rules_openai.RESPONSES, RESPONSES, RESPONSES_CHANGES),
    ("mistral", "mistral-large-latest", rules_openai.MISTRAL, of("mistral-large-latest", {}), MISTRAL_CHANGES),
    ("deepseek", "deepseek-reasoner", rules_openai.DEEPSEEK, of("deepseek-reasoner", {"reasoning_content": "so"}), DEEPSEEK_CHANGES),
    ("gemini", "gemini-3-pro-preview", rules_generate.RULES, GENERATE, GENERATE_CHANGES),
]


def faults() -> list[str]:
    """Tells which rules refuse what is right, and which refuse nothing."""
    found = []
    for vendor, model, table, good, changes in TABLES:
        asked = Asked(good, {}, vendor, frozenset(TRAITS[model]))
        found += [f"{vendor} refuses a good request: {text}" for _, text in breaches(table, asked)]
        for rule in table:
            name = rule.check.__name__
            body = copy.deepcopy(good)
            if name not in changes:
                found.append(f"the rule {name} of {vendor} has no example")
                continue
            changes[name](body)
            asked = Asked(body, {}, vendor, frozenset(TRAITS[body.get("model", model)]))
            if not list(breaches([rule], asked)):
                found.append(f"the rule {name} of {vendor} refuses nothing")
    return found
