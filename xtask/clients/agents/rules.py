"""What each vendor refuses, and in which words: one table a protocol, and what each model takes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

Found = Iterator[tuple[Any, ...]]


@dataclass(frozen=True)
class Rule:
    """A check, which yields what the vendor names in its refusal once for each breach, and the refusal."""

    check: Callable[["Asked"], Found]
    text: str
    status: int = 400


@dataclass(frozen=True)
class Asked:
    """A request, and what its model takes."""

    body: dict[str, Any]
    headers: dict[str, str]
    vendor: str
    traits: frozenset[str]


# What the models of the suite take, by the vendors' documentation.
TRAITS = {
    "gpt-5.4": {"reasons", "effort alone", "rests"},
    "gpt-5.5": {"reasons", "no effort"},
    "gpt-4.1": set(),
    "claude-sonnet-4-5": {"budget", "one sampler"},
    "claude-opus-4-7": {"adaptive", "no sampling", "no prefill"},
    "gemini-3-pro-preview": {"levels", "signed"},
    "gemini-2.5-flash": {"budgets"},
    "mistral-large-latest": set(),
    "deepseek-reasoner": {"reasons back"},
}


def breaches(table: list[Rule], asked: Asked) -> Iterator[tuple[int, str]]:
    """Finds what the vendor would refuse, the first of each rule."""
    for rule in table:
        for named in rule.check(asked):
            yield rule.status, rule.text.format(*named)
            break


def unknown(value: dict[str, Any], names: set[str]) -> list[str]:
    """Lists the fields of an object that its vendor does not know."""
    return [name for name in value if name not in names]


def schemas(schema: Any, path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Walks a JSON schema and those within it."""
    if not isinstance(schema, dict):
        return
    yield path, schema
    for name, inner in (schema.get("properties") or {}).items():
        yield from schemas(inner, f"{path}.properties[{name}]")
    for word in ("items", "additionalProperties"):
        yield from schemas(schema.get(word), f"{path}.{word}")
    for word in ("anyOf", "oneOf", "allOf"):
        for index, inner in enumerate(schema.get(word) or []):
            yield from schemas(inner, f"{path}.{word}[{index}]")


def repeated(values: list[str]) -> list[str]:
    """Lists the values that stand more than once."""
    return [value for index, value in enumerate(values) if value in values[:index]]
