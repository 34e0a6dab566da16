"""A gateway with a ledger of its own, before an upstream of its own: what one run has."""

from __future__ import annotations

import os
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

from upstream import Upstream

# The providers of the gateway: the vendor of the upstream that each stands for, and what else is set.
PROVIDERS = {
    "openai": ("openai", []), "openai-responses": ("openai", ['kind = "openai"', 'api = "responses"']),
    "anthropic": ("anthropic", []), "gemini": ("gemini", []), "mistral": ("mistral", []), "deepseek": ("deepseek", []),
}


class Bench:
    """A gateway, with some aliases."""

    def __init__(self, binary: str, folder: Path, aliases: dict[str, str]) -> None:
        self.binary = str(Path(binary).resolve())
        self.data = folder / "data"
        self.upstream = Upstream()
        self.log = folder / "gateway.log"
        config = folder / "tollbridge.toml"
        config.write_text(self.configuration(aliases))
        self.environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "TOLLBRIDGE_LOG": "warn"}
        with open(self.log, "w") as log:
            self.process = subprocess.Popen(
                [self.binary, "serve", "--config", str(config)], env=self.environment, cwd=folder,
                stdout=subprocess.PIPE, stderr=log, text=True,
            )
        assert self.process.stdout
        words = self.process.stdout.readline().split()
        self.url = next((word for word in words if word.startswith("http://")), "")
        if not self.url:
            raise RuntimeError(f"the gateway did not start: {self.log.read_text()}")

    def configuration(self, aliases: dict[str, str]) -> str:
        lines = ["[server]", 'listen = "127.0.0.1:0"', "[usage]", f'dir = "{self.data}"', "[aliases]"]
        lines += ['"claude-*" = "anthropic/*"', '"gpt-*" = "openai/*"']
        lines += [f'"{alias}" = "{model}"' for alias, model in aliases.items()]
        for name, (vendor, more) in PROVIDERS.items():
            lines += [f"[providers.{name}]", f'base_url = "{self.upstream.url}/{vendor}"', 'api_key = "mock-key"', *more]
        return "\n".join(lines) + "\n"

    def ask(self, *words: str) -> str:
        """Runs another command of the gateway's on its data."""
        command = [self.binary, *words, "--dir", str(self.data)]
        return subprocess.run(command, env=self.environment, check=True, capture_output=True, text=True).stdout

    def wait_for(self, key: str) -> None:
        """Waits until the gateway knows a key: it follows what is defined within a second."""
        request = urllib.request.Request(self.url + "/v1/models", headers={"authorization": f"Bearer {key}"})
        for _ in range(50):
            try:
                urllib.request.urlopen(request, timeout=10).close()
                return
            except urllib.error.HTTPError:
                time.sleep(0.1)
        raise RuntimeError("the gateway does not know the key")

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        self.upstream.server.shutdown()
        self.upstream.server.server_close()
