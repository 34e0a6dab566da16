"""The agents and frameworks: the vendors that each runs against, and what the model does in it."""

from __future__ import annotations

from dataclasses import dataclass

import tasks
from script import Script

# Each vendor of the upstream, and the model by which the gateway reaches it.
MODELS = {
    "openai": "openai/gpt-5.4",
    "responses": "openai-responses/gpt-5.5",
    "anthropic": "anthropic/claude-sonnet-4-5",
    "opus": "anthropic/claude-opus-4-7",
    "gemini": "gemini/gemini-3-pro-preview",
    "mistral": "mistral/mistral-large-latest",
    "deepseek": "deepseek/deepseek-reasoner",
}
CHAT = ["openai", "anthropic", "gemini"]
RESPONSES = ["responses", "anthropic", "gemini"]
MESSAGES = ["anthropic", "responses", "gemini"]
GENERATE = ["gemini", "anthropic", "openai"]


@dataclass
class Client:
    """One agent or framework, which docs/clients.md configures below its heading."""

    heading: str
    # The vendors that it runs against by default: its own protocol's first.
    vendors: list[str]
    script: Script
    # The environment that it is installed in: `node`, or a group of Python packages.
    group: str = "node"
    # The program in frameworks/ that runs the task with what the page configures.
    program: str | None = None
    # A name of its own vendor's that it is asked to use whatever the vendor, since it acts by the name.
    alias: str | None = None
    # What to write in the page's command, and instead of what, to go on with the session before; and the name for
    # the vendor that it goes on with.
    resumes: tuple[str, str] | None = None
    second_alias: str | None = None
    timeout: int = 90

    def aliases(self, vendors: list[str]) -> dict[str, str]:
        """Pairs the names that it uses with the models that they stand for."""
        names = [name for name in (self.alias, self.second_alias) if name]
        return {name: MODELS[vendor] for name, vendor in zip(names, vendors)}


CLIENTS: dict[str, Client] = {
    "claude-code": Client(
        "Claude Code", MESSAGES, tasks.loop("Read", "file_path", "Write"), alias="claude-opus-4-7",
        resumes=("claude --print", "claude --continue --print"), second_alias="claude-opus-4-6",
    ),
    "codex": Client(
        "Codex", RESPONSES, tasks.CODEX, alias="gpt-5.5",
        resumes=("codex exec", "codex exec resume --last"), second_alias="gpt-5.5-second",
    ),
    "codex-code": Client("Codex, newer models", RESPONSES, tasks.CODEX_CODE, alias="gpt-6.1-sol"),
    # Gemini CLI sends each result twice when it goes on with a session.
    "gemini-cli": Client("Gemini CLI", GENERATE, tasks.loop("read_file", "file_path", "write_file")),
    "opencode": Client("opencode", CHAT, tasks.OPENCODE, resumes=("opencode run", "opencode run --continue --model tollbridge/{model}")),
    "qwen-code": Client(
        "qwen-code", CHAT, tasks.loop("read_file", "file_path", "write_file"), resumes=("qwen --auth", "qwen --continue --auth"),
    ),
    "kimi-code": Client("Kimi Code", CHAT, tasks.loop("Read", "path", "Write"), resumes=("kimi --prompt", "kimi --continue --prompt")),
    "cline": Client("Cline", CHAT, tasks.CLINE),
    "aider": Client("aider", CHAT, tasks.AIDER, "aider"),
    "openai-agents": Client("OpenAI Agents SDK", RESPONSES, tasks.FUNCTIONS, "agents", "openai_agents_sdk"),
    "openai-agents-chat": Client("OpenAI Agents SDK, chat", CHAT, tasks.FUNCTIONS, "agents", "openai_agents_sdk"),
    "langgraph": Client("LangGraph", CHAT, tasks.FUNCTIONS, "agents", "langgraph_agent"),
    "langgraph-responses": Client("LangGraph, responses", RESPONSES, tasks.FUNCTIONS, "agents", "langgraph_agent"),
    "langgraph-anthropic": Client("LangGraph, Anthropic", MESSAGES, tasks.FUNCTIONS, "agents", "langgraph_agent"),
    "smolagents": Client("smolagents", CHAT, tasks.FINAL, "agents", "smolagents_agent"),
    "instructor": Client("instructor", CHAT, tasks.VALUES, "agents", "instructor_agent"),
    "dspy": Client("DSPy", CHAT, tasks.REACT, "agents", "dspy_agent"),
    "crewai": Client("CrewAI", CHAT, tasks.FUNCTIONS, "crews", "crewai_agent"),
    "llamaindex": Client("LlamaIndex", CHAT, tasks.FUNCTIONS, "crews", "llamaindex_agent"),
    "llamaindex-anthropic": Client("LlamaIndex, Anthropic", MESSAGES, tasks.FUNCTIONS, "crews", "llamaindex_agent", "claude-sonnet-4-5"),
}

# What does not run, and why: what the clients themselves leave out.
FORGETS = "the client does not send DeepSeek's reasoning_content back"
SKIPS = {
    ("gemini-cli", "deepseek"): FORGETS,
    ("kimi-code", "openai → anthropic → openai"): "the client does not go on with its session",
    **{(client, "deepseek"): FORGETS for client in ("langgraph", "instructor", "crewai", "llamaindex")},
}
