"""An upstream that plays one model of each vendor: it checks what it is sent, and answers by a script."""

from __future__ import annotations

import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import ModuleType
from typing import Any

import rules_generate
import rules_messages
import rules_openai
import wire_chat
import wire_generate
import wire_messages
import wire_responses
from rules import TRAITS, Asked, Rule, breaches
from script import Script

OPENAI = [(wire_chat, rules_openai.CHAT, "/chat/completions"), (wire_responses, rules_openai.RESPONSES, "/responses")]
# Each vendor: for the ends of paths that it answers, the protocol, and what it refuses.
VENDORS: dict[str, list[tuple[ModuleType, list[Rule], str]]] = {
    "openai": OPENAI,
    "anthropic": [(wire_messages, rules_messages.RULES, "/messages")],
    "gemini": [(wire_generate, rules_generate.RULES, "enerateContent")],
    "mistral": [(wire_chat, rules_openai.MISTRAL, "/chat/completions")],
    "deepseek": [(wire_chat, rules_openai.DEEPSEEK, "/chat/completions")],
}


class Upstream:
    """The server, and what it saw since the last script was put in."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.play(Script([]))
        upstream = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *words: Any) -> None:
                pass

            def do_GET(self) -> None:
                self.send(200, {"object": "list", "data": [], "models": []})

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                vendor, _, path = self.path.strip("/").partition("/")
                upstream.answer(self, vendor, "/" + path, body)

            def send(self, status: int, body: Any) -> None:
                data = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"

    def play(self, script: Script) -> None:
        """Puts in a script, and forgets what was seen."""
        with self.lock:
            self.script = script
            self.breaches: list[str] = []
            # Each answered call: who answered, its body, and how many rounds of calls it had.
            self.seen: list[dict[str, Any]] = []

    def answer(self, handler: Any, vendor: str, path: str, body: dict[str, Any]) -> None:
        path = path.partition("?")[0]
        answered = [one for one in VENDORS.get(vendor, []) if path.endswith(one[2])]
        if not answered:
            handler.send(404, {"error": {"code": 404, "message": f"no route {path} of {vendor}"}})
            return
        wire, table, _ = answered[0]
        named = re.search(r"/models/([^:]+):", path)
        model = named[1] if named else body.get("model", "")
        headers = {name.lower(): value for name, value in handler.headers.items()}
        if model not in TRAITS:
            handler.send(404, wire.refusal(404, f"The model `{model}` does not exist"))
            return
        asked = Asked(body, headers, vendor, frozenset(TRAITS[model]))
        view = wire.read(body, path)
        faults = list(breaches(table, asked))
        misses = self.script.misses(view)
        with self.lock:
            turn = f"{id(self.script)}.{len(self.seen)}"
            self.seen.append({"vendor": vendor, "path": path, "headers": headers, "body": body})
            self.breaches += [f"{status}: {text}" for status, text in faults] + misses
        if faults:
            handler.send(faults[0][0], wire.refusal(*faults[0]))
            return
        answer = self.script.answer(view)
        if not view.stream:
            handler.send(200, wire.whole(answer, body, vendor, turn))
            return
        handler.send_response(200)
        handler.send_header("content-type", "text/event-stream")
        handler.send_header("connection", "close")
        handler.end_headers()
        for name, data in wire.stream(answer, body, vendor, turn):
            line = data if isinstance(data, str) else json.dumps(data)
            handler.wfile.write((f"event: {name}\n" if name else "").encode() + f"data: {line}\n\n".encode())
            handler.wfile.flush()
        handler.close_connection = True
