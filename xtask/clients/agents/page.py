"""Reads docs/clients.md: what it tells people to write is what the suite runs."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

# What stands on the page for the reader's own values.
GATEWAY, KEY, TASK = "http://127.0.0.1:4000", "tb-…", "task-1"

MODEL = re.compile(r"anthropic/claude-sonnet-4-5|openai-responses/gpt-5\.5|openai/gpt-5\.4|gemini/gemini-3-pro-preview")


@dataclass
class Block:
    """A block of code: its language, and the file that the line before it names, if any."""

    language: str
    file: str | None
    text: str


def sections(path: Path) -> dict[str, list[Block]]:
    """Finds the blocks below each heading."""
    found: dict[str, list[Block]] = {}
    heading, before, language = "", "", None
    lines: list[str] = []
    for line in path.read_text().splitlines():
        if language is not None:
            if line.startswith("```"):
                file = re.search(r"`([^`]+)`:$", before)
                found.setdefault(heading, []).append(Block(language, file[1] if file else None, "\n".join(lines) + "\n"))
                language, lines, before = None, [], ""
            else:
                lines.append(line)
        elif line.startswith("```"):
            language = line[3:].strip()
        elif line.startswith("#"):
            heading = line.lstrip("#").strip()
        elif line.strip():
            before = line.strip()
    return found


def filled(text: str, model: str, alias: str | None, gateway: str, key: str, task: str) -> str:
    """Puts the values of a run in the place of the page's own: model, address, key, and task."""
    text = text.replace(alias, model) if alias else MODEL.sub(model, text)
    for there, here in ((GATEWAY, gateway), (KEY, key), (TASK, task)):
        text = text.replace(there, here)
    return text
