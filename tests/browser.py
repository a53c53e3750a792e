"""A headless Chromium, spoken to in the DevTools protocol through its pipe: what a page asks for and complains of."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

__all__ = ["Browser", "browser"]

NAMES = ("chromium", "chromium-browser", "google-chrome")
OPTIONS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--remote-debugging-pipe",
)
SECONDS = 60


class Browser:
    """One tab. ``complaints``: what it logged and threw. ``requests``: every address that pages asked for."""

    def __init__(self, commands: int, answers: int) -> None:
        self.commands, self.answers = commands, answers
        self.buffer = b""
        self.number = 0
        self.session: str | None = None
        self.events: list[dict[str, Any]] = []
        target = self("Target.createTarget", url="about:blank")["targetId"]
        self.session = self("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self(f"{domain}.enable")

    def __call__(self, method: str, **parameters: Any) -> dict[str, Any]:
        self.number += 1
        message = {"id": self.number, "method": method, "params": parameters}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.commands, json.dumps(message).encode() + b"\0")
        while (answer := self._next()).get("id") != self.number:
            self.events.append(answer)
        assert "error" not in answer, (method, answer)
        return answer["result"]

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self.buffer:
            part = os.read(self.answers, 1 << 16)
            assert part, "the browser ended"
            self.buffer += part
        message, self.buffer = self.buffer.split(b"\0", 1)
        return json.loads(message)

    def open(self, path: Path, *, width: int, height: int = 900, dark: bool = False) -> None:
        """Load a file at a width, and wait until it is there."""
        self.events.clear()
        self("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self("Emulation.setEmulatedMedia", features=[scheme])
        self("Page.navigate", url=path.absolute().as_uri())
        while not any(event["method"] == "Page.loadEventFired" for event in self.events):
            self.events.append(self._next())

    def value(self, expression: str) -> Any:
        """What a JavaScript expression is in the page."""
        answer = self("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def _seen(self, *methods: str) -> list[dict[str, Any]]:
        return [event["params"] for event in self.events if event["method"] in methods]

    @property
    def complaints(self) -> list[dict[str, Any]]:
        return self._seen("Log.entryAdded", "Runtime.exceptionThrown", "Runtime.consoleAPICalled")

    @property
    def requests(self) -> list[str]:
        return [event["request"]["url"] for event in self._seen("Network.requestWillBeSent")]


@contextmanager
def browser() -> Iterator[Browser]:
    """A fresh browser. Skips the test where there is none; on CI that is a failure."""
    program = next(filter(None, map(shutil.which, NAMES)), None)
    if program is None:
        message = "there is no Chromium; on Debian: apt-get install chromium"
        pytest.fail(message) if os.environ.get("CI") == "true" else pytest.skip(message)
    with TemporaryDirectory(prefix="browser-", ignore_cleanup_errors=True) as profile:
        # It reads commands from descriptor 3 and writes answers to 4.
        its_commands, commands = os.pipe()
        answers, its_answers = os.pipe()
        shell = f'exec "$@" 3<&{its_commands} 4>&{its_answers}'
        process = subprocess.Popen(
            ["timeout", str(SECONDS), "bash", "-c", shell, "bash", program, *OPTIONS, f"--user-data-dir={profile}"],
            pass_fds=(its_commands, its_answers),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(its_commands)
        os.close(its_answers)
        try:
            yield Browser(commands, answers)
        finally:
            os.close(commands)  # it ends with its pipe
            process.terminate()
            process.wait(timeout=20)
            os.close(answers)
