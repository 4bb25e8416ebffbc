"""Firefox, driven over WebDriver BiDi as Debian ships it: just enough for the stories that run in both browsers.

Source: https://www.w3.org/TR/webdriver-bidi/
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import re
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, Final

import aiohttp

_LISTENS: Final = re.compile(rb"WebDriver BiDi listening on (ws://\S+)")
_START_WITHIN_S: Final = 60.0
_ANSWER_WITHIN_S: Final = 30.0

# Nothing is asked of other hosts, and no first page is shown.
_PREFERENCES: Final = {
    "app.normandy.enabled": False,
    "app.update.disabledForTesting": True,
    "browser.aboutwelcome.enabled": False,
    "browser.chrome.site_icons": False,
    "browser.safebrowsing.malware.enabled": False,
    "browser.safebrowsing.phishing.enabled": False,
    "browser.shell.checkDefaultBrowser": False,
    "browser.startup.page": 0,
    "datareporting.policy.dataSubmissionEnabled": False,
    "extensions.update.enabled": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "services.settings.server": "data:,#no-settings",
    "toolkit.telemetry.enabled": False,
}

VIOLATIONS: Final = """(tell) => document.addEventListener("securitypolicyviolation",
    (event) => tell(`${event.effectiveDirective} ${event.blockedURI}`))"""


def firefox_path() -> str | None:
    """The installed Firefox, if there is one."""
    found = (shutil.which(name) for name in ("firefox-esr", "firefox"))
    return next((path for path in found if path is not None), None)


class BiDiError(Exception):
    """The browser refused a command, or the script that it ran has thrown."""


class Connection:
    """Sends commands to a browser, and hands its events on."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._ids = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self.listeners: list[Callable[[str, dict[str, Any]], None]] = []

    async def read(self) -> None:
        """Read until the browser is gone."""
        async for message in self._socket:
            if message.type is not aiohttp.WSMsgType.TEXT:
                continue
            data = json.loads(message.data)
            if data.get("type") == "event":
                for listener in list(self.listeners):
                    listener(data["method"], data["params"])
                continue
            answer = self._waiting.pop(data.get("id"), None)
            if answer is not None and not answer.done():
                answer.set_result(data)

    async def send(self, method: str, **params: Any) -> dict[str, Any]:
        """Carry one command out and return its result."""
        number = next(self._ids)
        answer = self._waiting[number] = asyncio.get_running_loop().create_future()
        await self._socket.send_json({"id": number, "method": method, "params": params})
        data = await asyncio.wait_for(answer, _ANSWER_WITHIN_S)
        if data["type"] == "error":
            raise BiDiError(f"{method}: {data['error']}: {data['message']}")
        result: dict[str, Any] = data["result"]
        return result


@contextlib.asynccontextmanager
async def start_firefox(path: str) -> AsyncIterator[Connection]:
    """Start a Firefox of its own profile and connect to it; it ends with the block."""
    with tempfile.TemporaryDirectory(prefix="aiocancel-firefox-") as profile:
        lines = (f"user_pref({json.dumps(k)}, {json.dumps(v)});" for k, v in _PREFERENCES.items())
        (Path(profile) / "user.js").write_text("\n".join(lines))
        process = await asyncio.create_subprocess_exec(
            *[path, "--headless", "--no-remote", "--profile", profile],
            *["--remote-debugging-port", "0"],
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            url = await asyncio.wait_for(_address(process), _START_WITHIN_S)
            drain = asyncio.create_task(_drain(process))
            async with (
                aiohttp.ClientSession() as session,
                session.ws_connect(f"{url}/session", max_msg_size=0) as socket,
            ):
                connection = Connection(socket)
                reading = asyncio.create_task(connection.read())
                await connection.send("session.new", capabilities={})
                events = ["log.entryAdded", "script.message"]
                await connection.send("session.subscribe", events=events)
                yield connection
                with contextlib.suppress(BiDiError, TimeoutError, ConnectionError):
                    await connection.send("browser.close")
                reading.cancel()
            drain.cancel()
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
            try:
                await asyncio.wait_for(process.wait(), 10)
            except TimeoutError:
                process.kill()
                await process.wait()


async def _address(process: asyncio.subprocess.Process) -> str:
    assert process.stderr is not None
    async for line in process.stderr:
        if found := _LISTENS.search(line):
            return found[1].decode()
    raise BiDiError("Firefox ended before it listened")


async def _drain(process: asyncio.subprocess.Process) -> None:
    """Read what Firefox says, or it would stop at a full pipe."""
    assert process.stderr is not None
    async for _ in process.stderr:
        pass
