"""What the model does in each client: it reads two files at once, writes a third, and says that it is done."""

from __future__ import annotations

import json
from typing import Any

from script import DONE, Call, Script

ONE, TWO = "alpha-7413", "beta-2986"
BOTH = f"{ONE}\n{TWO}\n"
# What the results of both rounds of calls must hold.
READ = [[ONE, TWO], [""]]


def loop(reader: str, path: str, writer: str) -> Script:
    """Calls two functions of a client, whose arguments are a path and a content."""
    reads = [Call(reader, {path: "{folder}/" + name}) for name in ("one.txt", "two.txt")]
    return Script([reads, [Call(writer, {path: "{folder}/three.txt", "content": BOTH})]], READ)


def listing(content: str) -> str:
    """Writes a file as a text that aider takes."""
    return f"three.txt\n```\n{content}```\n"


def thought(tool: str, arguments: dict[str, Any]) -> str:
    """Writes a step of DSPy's."""
    return (
        f"[[ ## next_thought ## ]]\nOn I go.\n\n[[ ## next_tool_name ## ]]\n{tool}\n\n"
        f"[[ ## next_tool_args ## ]]\n{json.dumps(arguments)}\n\n[[ ## completed ## ]]"
    )


PATCH = f"*** Begin Patch\n*** Add File: three.txt\n+{ONE}\n+{TWO}\n*** End Patch\n"
CODEX = Script([[Call("exec_command", {"cmd": f"cat {name}"}) for name in ("one.txt", "two.txt")], [Call("apply_patch", PATCH)]], READ)
# The programs in which Codex's newer models write their calls.
CODE = """const names = ["one.txt", "two.txt"];
const results = await Promise.all(names.map((name) => tools.exec_command({cmd: `cat ${name}`})));
text(results);"""
CODEX_CODE = Script([[Call("exec", CODE)], [Call("exec", f"text(await tools.apply_patch({json.dumps(PATCH)}));")]], [[ONE], [""]])
CLINE = Script(
    [
        [Call("read_files", {"files": [{"path": "{folder}/" + name}]}) for name in ("one.txt", "two.txt")],
        [Call("run_commands", {"commands": ["cat one.txt two.txt > three.txt"]})],
    ],
    READ,
)
# opencode offers a patch to models of OpenAI's and a writer to others, and a shell to all.
OPENCODE = Script(
    [
        [Call("read", {"filePath": "{folder}/" + name}) for name in ("one.txt", "two.txt")],
        [Call("bash", {"command": "cat one.txt two.txt > three.txt", "description": "Join both"})],
    ],
    READ,
)
# aider's edits are texts; its test refuses the first two.
AIDER = Script([listing("\n"), listing(f"{ONE}\n"), f"{DONE}\n\n{listing(BOTH)}"])
FUNCTIONS = loop("read_file", "path", "write_file")
# smolagents keeps its history as texts.
FINAL = Script([*FUNCTIONS.rounds, [Call("final_answer", {"answer": DONE})]], stateless=True)
# What is wrong at first is refused by the client's own class, and asked for again.
VALUES = Script([[Call("Copy", {"lines": lines})] for lines in ([], [ONE], [ONE, TWO])], [["0 of 2"], ["1 of 2"]])
# DSPy writes its calls as texts, one at a time, and begins each request anew.
REACT = Script(
    [
        thought("read_file", {"path": "one.txt"}), thought("read_file", {"path": "two.txt"}),
        thought("write_file", {"path": "three.txt", "content": BOTH}), thought("finish", {}),
    ],
    last=f"[[ ## reasoning ## ]]\nIt is done.\n\n[[ ## answer ## ]]\n{DONE}\n\n[[ ## completed ## ]]",
    ends=DONE,
)
