"""What Gemini refuses."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from rules import Asked, Found, Rule, schemas, unknown
from seal import seal

FIELDS = {
    "contents", "tools", "toolConfig", "safetySettings", "systemInstruction", "generationConfig", "cachedContent",
    "serviceTier", "store", "labels",
}
PARTS = {
    "text", "thought", "thoughtSignature", "inlineData", "functionCall", "functionResponse", "fileData", "executableCode",
    "codeExecutionResult", "videoMetadata", "partMetadata", "mediaResolution", "toolCall", "toolResponse",
}
SETTINGS = {
    "stopSequences", "responseMimeType", "responseSchema", "responseJsonSchema", "responseModalities", "candidateCount",
    "maxOutputTokens", "temperature", "topP", "topK", "seed", "presencePenalty", "frequencyPenalty", "responseLogprobs",
    "logprobs", "enableEnhancedCivicAnswers", "speechConfig", "thinkingConfig", "imageConfig", "mediaResolution",
}
# The subset of OpenAPI that `parameters` and `responseSchema` are read as.
SCHEMA = {
    "type", "format", "title", "description", "nullable", "enum", "maxItems", "minItems", "properties", "required",
    "minProperties", "maxProperties", "minLength", "maxLength", "pattern", "example", "anyOf", "propertyOrdering",
    "default", "items", "minimum", "maximum", "additionalProperties", "ref", "defs", "$ref", "$defs",
}
# What agents send where they have no signature, and the vendor lets pass.
EXCUSES = {"skip_thought_signature_validator", "context_engineering_is_the_way_to_go"}


def contents(asked: Asked) -> list[dict[str, Any]]:
    return asked.body.get("contents") or []


def parts(asked: Asked) -> Iterator[tuple[str, dict[str, Any]]]:
    for number, content in enumerate(contents(asked)):
        for index, part in enumerate(content.get("parts") or []):
            yield f"contents[{number}].parts[{index}]", part


def declarations(asked: Asked) -> Iterator[tuple[str, dict[str, Any]]]:
    for number, tool in enumerate(asked.body.get("tools") or []):
        for index, one in enumerate(tool.get("functionDeclarations") or []):
            yield f"tools[{number}].function_declarations[{index}]", one


def extra_fields(asked: Asked) -> Found:
    for name in unknown(asked.body, FIELDS):
        yield name, ""
    for name in unknown(asked.body.get("generationConfig") or {}, SETTINGS):
        yield name, " at 'generation_config'"
    for path, part in parts(asked):
        for name in unknown(part, PARTS):
            yield name, f" at '{path}'"
        for name in unknown(part.get("functionCall") or {}, {"id", "name", "args", "partialArgs", "willContinue"}):
            yield name, f" at '{path}.function_call'"
        for name in unknown(part.get("functionResponse") or {}, {"id", "name", "response", "parts", "willContinue", "scheduling"}):
            yield name, f" at '{path}.function_response'"


def extra_in_tools(asked: Asked) -> Found:
    known = {"name", "description", "parameters", "parametersJsonSchema", "response", "responseJsonSchema", "behavior"}
    for path, one in declarations(asked):
        for name in unknown(one, known):
            yield name, path
        for inside, schema in schemas(one.get("parameters")):
            for name in unknown(schema, SCHEMA):
                yield name, f"{path}.parameters{inside}"


def kinds_in_tools(asked: Asked) -> Found:
    for path, one in declarations(asked):
        for inside, schema in schemas(one.get("parameters")):
            if not isinstance(schema.get("type", ""), str):
                yield f"{path}.parameters{inside}.type", schema["type"]


def bare_lists(asked: Asked) -> Found:
    for path, one in declarations(asked):
        for inside, schema in schemas(one.get("parameters")):
            if str(schema.get("type", "")).upper() == "ARRAY" and "items" not in schema:
                yield (f"{path}.parameters{inside}.items",)


def both_schemas(asked: Asked) -> Found:
    for path, one in declarations(asked):
        if "parameters" in one and "parametersJsonSchema" in one:
            yield (path,)


def names_of_tools(asked: Asked) -> Found:
    for path, one in declarations(asked):
        if not re.fullmatch(r"[a-zA-Z_][a-zA-Z0-9_.:-]{0,63}", one.get("name", "")):
            yield (f"{path}.name",)


def no_contents(asked: Asked) -> Found:
    if not contents(asked):
        yield ()


def roles(asked: Asked) -> Found:
    for content in contents(asked):
        if content.get("role", "user") not in ("user", "model"):
            yield ()


def empty_contents(asked: Asked) -> Found:
    for number, content in enumerate(contents(asked)):
        if not content.get("parts"):
            yield (number,)


def empty_parts(asked: Asked) -> Found:
    for path, part in parts(asked):
        if not any(name in part for name in PARTS - {"thought", "thoughtSignature"}):
            yield (path,)


def args(asked: Asked) -> Found:
    for path, part in parts(asked):
        for name, field in (("functionCall", "args"), ("functionResponse", "response")):
            if name in part and not isinstance(part[name].get(field, {}), dict):
                yield f"{path}.{name}.{field}", part[name][field]


def having(content: dict[str, Any] | None, name: str) -> list[dict[str, Any]]:
    return [part for part in (content or {}).get("parts") or [] if name in part]


def counts(asked: Asked) -> Found:
    given = contents(asked)
    for number, content in enumerate(given):
        calls = having(content, "functionCall")
        following = given[number + 1] if number + 1 < len(given) else None
        if calls and len(having(following, "functionResponse")) != len(calls):
            yield ()
        results = having(content, "functionResponse")
        before = given[number - 1] if number else None
        if results and len(having(before, "functionCall")) != len(results):
            yield ()


def results_by_name(asked: Asked) -> Found:
    given = contents(asked)
    for before, content in zip(given, given[1:]):
        names = [part["functionCall"]["name"] for part in having(before, "functionCall")]
        for part in having(content, "functionResponse"):
            if names and part["functionResponse"].get("name") not in names:
                yield (part["functionResponse"].get("name"),)


def call_turns(asked: Asked) -> Found:
    given = contents(asked)
    for number, content in enumerate(given):
        before = given[number - 1] if number else None
        if having(content, "functionCall") and (before or {}).get("role", "user") == "model" or (number == 0 and having(content, "functionCall")):
            yield ()


def unsigned(asked: Asked) -> Found:
    if "signed" not in asked.traits:
        return
    given = contents(asked)
    begin = 0
    for number, content in enumerate(given):
        if content.get("role") == "user" and not having(content, "functionResponse"):
            begin = number
    for number, content in enumerate(given):
        calls = having(content, "functionCall")
        if number > begin and calls and not calls[0].get("thoughtSignature"):
            yield calls[0]["functionCall"]["name"], number


def foreign_seals(asked: Asked) -> Found:
    for _, part in parts(asked):
        sealed = part.get("thoughtSignature")
        if sealed and sealed not in EXCUSES and sealed != seal(asked.vendor, (part.get("functionCall") or {}).get("name", "")):
            yield ()


def both_thoughts(asked: Asked) -> Found:
    thinking = (asked.body.get("generationConfig") or {}).get("thinkingConfig") or {}
    if "thinkingBudget" in thinking and "thinkingLevel" in thinking:
        yield ()


def levels(asked: Asked) -> Found:
    thinking = (asked.body.get("generationConfig") or {}).get("thinkingConfig") or {}
    if "thinkingLevel" in thinking and "levels" not in asked.traits:
        yield ()


def zero_budget(asked: Asked) -> Found:
    thinking = (asked.body.get("generationConfig") or {}).get("thinkingConfig") or {}
    if thinking.get("thinkingBudget") == 0 and "levels" in asked.traits:
        yield ()


RULES = [
    Rule(no_contents, "* GenerateContentRequest.contents: contents is not specified"),
    Rule(extra_fields, "Invalid JSON payload received. Unknown name \"{}\"{}: Cannot find field."),
    Rule(extra_in_tools, "Invalid JSON payload received. Unknown name \"{}\" at '{}': Cannot find field."),
    Rule(kinds_in_tools, "Invalid value at '{}' (type), {}"),
    Rule(bare_lists, "* GenerateContentRequest.{}: missing field."),
    Rule(both_schemas, "* GenerateContentRequest.{}: parameters and parameters_json_schema are mutually exclusive"),
    Rule(names_of_tools, "* GenerateContentRequest.{}: Invalid function name. Must start with a letter or an underscore. Must be alphanumeric (a-z, A-Z, 0-9), underscores (_), dots (.), colons (:), or dashes (-), with a maximum length of 64."),
    Rule(roles, "Please use a valid role: user, model."),
    Rule(empty_contents, "* GenerateContentRequest.contents[{}].parts: contents.parts must not be empty."),
    Rule(empty_parts, "* GenerateContentRequest.{}.data: required oneof field 'data' must have one initialized field"),
    Rule(args, "Invalid value at '{}' (type.googleapis.com/google.protobuf.Struct), {!r}"),
    Rule(counts, "Please ensure that the number of function response parts is equal to the number of function call parts of the function call turn."),
    Rule(results_by_name, "Function response {} does not match any function call of the turn before."),
    Rule(call_turns, "Please ensure that function call turn comes immediately after a user turn or after a function response turn."),
    Rule(unsigned, "Function call is missing a thought_signature in functionCall parts. This is required for tools to work correctly, and missing thought_signature may lead to degraded model performance. Additional data, function call `default_api:{}` , position {}."),
    Rule(foreign_seals, "Corrupted thought signature."),
    Rule(both_thoughts, "You can only set only one of thinking budget and thinking level."),
    Rule(levels, "Thinking level is not supported for this model."),
    Rule(zero_budget, "Budget 0 is invalid. This model only works in thinking mode."),
]
