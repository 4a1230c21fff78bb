"""A headless Chromium without network, driven over its DevTools pipe with nothing but the standard library."""

from __future__ import annotations

import base64
import itertools
import json
import os
import select
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

BINARY = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
MISSED = BINARY is None and "ALIFE_TEST_CHROMIUM" not in os.environ
"""Whether what drives it is passed over; where somebody insists on it, it fails instead."""
PATIENCE = 120.0
"""Seconds to wait for an answer, on a machine that may be busy with other tests."""


class Chromium:
    """One page in a browser of its own; `with Chromium(profile) as page:`.

    Nothing can be reached, or with `loopback` this machine's own address only; that one draws WebGL on the processor.

    `complaints` has every error and warning of the console, every exception, and every request but that for the page.
    """

    def __init__(self, profile: Path, *, width: int = 1280, height: int = 900, loopback: bool = False) -> None:
        told, self._commands = os.pipe()
        self._answers, said = os.pipe()
        # the protocol wants descriptors 3 and 4, whatever is open in this process
        plumbing = f'exec 3<&{told} 4>&{said}; exec "$@"'
        flags = [
            "--headless=new",
            "--no-sandbox",
            *(["--use-angle=swiftshader", "--enable-unsafe-swiftshader"] if loopback else ["--disable-gpu"]),
            "--remote-debugging-pipe",
            "--host-resolver-rules=MAP * ~NOTFOUND" + (", EXCLUDE 127.0.0.1" if loopback else ""),
            "--no-first-run",
            f"--window-size={width},{height}",
            f"--user-data-dir={profile}",
        ]
        self._process = subprocess.Popen(
            ["bash", "-c", plumbing, "bash", str(BINARY), *flags, "about:blank"],
            pass_fds=(told, said),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(told)
        os.close(said)
        self._numbers, self._unread, self._session = itertools.count(1), b"", None
        self.complaints: list[str] = []
        (page,) = (t for t in self.call("Target.getTargets")["targetInfos"] if t["type"] == "page")
        self._session = self.call("Target.attachToTarget", targetId=page["targetId"], flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")
        if not loopback:
            none = {"latency": 0, "downloadThroughput": 0, "uploadThroughput": 0}
            self.call("Network.emulateNetworkConditions", offline=True, **none)

    def __enter__(self) -> Chromium:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait(PATIENCE)
        os.close(self._commands)
        os.close(self._answers)

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        """One command of the DevTools protocol, and its result."""
        number = next(self._numbers)
        message = {"id": number, "method": method, "params": params}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._commands, json.dumps(message).encode() + b"\0")
        while (answer := self._next()).get("id") != number:
            self._note(answer)
        assert "error" not in answer, answer
        return answer["result"]

    def open(self, page: Path, fragment: str = "") -> None:
        """Loads a file, and waits until it is there."""
        self.call("Page.navigate", url=page.resolve().as_uri() + fragment)
        self.wait("document.readyState == 'complete' && location.protocol == 'file:'")

    def visit(self, address: str) -> None:
        """Loads a page of a server, and waits until it is there."""
        self.call("Page.navigate", url=address)
        self.wait(f"document.readyState == 'complete' && location.href.startsWith({json.dumps(address)})")

    def run(self, script: str) -> Any:
        """The value of a JavaScript expression."""
        result = self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in result, result["exceptionDetails"]
        return result["result"].get("value")

    def wait(self, script: str) -> None:
        """Until an expression is true."""
        end = time.monotonic() + PATIENCE
        while not self.run(script):
            assert time.monotonic() < end, f"never true: {script}"
            time.sleep(0.02)

    def key(self, name: str, code: int) -> None:
        """A key pressed and let go, as a person does."""
        text = {"text": "\r"} if name == "Enter" else {}
        for kind in ("keyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key=name, code=name, windowsVirtualKeyCode=code, **text)

    def click(self, selector: str) -> None:
        """The mouse, in the middle of an element."""
        x, y = self.middle(selector)
        for kind in ("mouseMoved", "mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def hover(self, selector: str) -> None:
        """The mouse over the middle of an element."""
        x, y = self.middle(selector)
        self.call("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)

    def middle(self, selector: str) -> tuple[float, float]:
        """Of an element, which is scrolled into view."""
        found = json.dumps(selector)
        return tuple(
            self.run(
                f"(() => {{ const e = document.querySelector({found}); e.scrollIntoView({{block: 'center',"
                " behavior: 'instant'}); const b = e.getBoundingClientRect();"
                " return [b.x + b.width / 2, b.y + b.height / 2]; })()"
            )
        )

    def screenshot(self, path: Path, *, whole: bool = False) -> None:
        """What is seen, or the whole page, as .png."""
        path.write_bytes(base64.b64decode(self.call("Page.captureScreenshot", captureBeyondViewport=whole)["data"]))

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._unread:
            ready, _, _ = select.select([self._answers], [], [], PATIENCE)
            piece = os.read(self._answers, 1 << 16) if ready else b""
            assert piece, "Chromium does not answer"
            self._unread += piece
        message, _, self._unread = self._unread.partition(b"\0")
        return json.loads(message)

    def _note(self, event: dict[str, Any]) -> None:
        kind, params = event.get("method"), event.get("params", {})
        if kind == "Runtime.exceptionThrown":
            self.complaints.append(str(params["exceptionDetails"]))
        elif kind == "Runtime.consoleAPICalled" and params["type"] in ("error", "warning"):
            self.complaints.append(str(params["args"]))
        elif kind == "Log.entryAdded":
            self.complaints.append(params["entry"]["text"])
        elif kind == "Network.requestWillBeSent" and params["request"]["url"][:5] not in ("file:", "data:"):
            self.complaints.append(params["request"]["url"])
