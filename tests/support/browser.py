"""What the browser tests share: finding Chromium and the genuine client, and a strict page around it."""

from __future__ import annotations

import base64
import contextlib
import functools
import hashlib
import json
import os
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

import pytest
from aiohttp import web
from playwright.async_api import ConsoleMessage, Page

from aiocancel.testing.prosperstack.state import Hosts

CLIENT_PACKAGE = "@prosperstack/flow@2.19.0"
CLIENT_INTEGRITY = "sha384-uxG0SjfEOOs7knE+6xtLDh+LKUD3dcicl+kTPdfN5Zk5JS8CB5M3OiwxWIcNZBOG"
CLIENT_STYLE_HASH = "'sha256-0II5nSAFgTOkBtdLO4MKsacG8pcjGGaEgpxvoOFKjm8='"
AXE_PACKAGE = "axe-core@4.14.1"
AXE_INTEGRITY = "sha384-xt1SFg49QaDwsyt0Xfs2XAyBtYPClXl3X2q5OOLeGAUmq9jZTYIMdztpF99WdhiH"
CHROMIUM_ARGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


def chromium_path() -> str | None:
    """The installed Chromium or Chrome, if there is one.

    The one without windows is preferred: a page of the other costs four times the CPU, for windows nobody sees.
    """
    names = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
    found = (shutil.which(name) for name in names)
    return next((path for path in found if path is not None), None)


@functools.cache
def genuine_client() -> Path | None:
    """The vendor's client, fetched once with npm and kept in the temporary directory; None without npm.

    Raises ValueError when what was fetched is not byte for byte the version these tests know.
    """
    return _of_npm(CLIENT_PACKAGE, "package/dist/index.js", CLIENT_INTEGRITY)


@functools.cache
def accessibility_engine() -> str | None:
    """The source of axe-core, as ``genuine_client`` gets what is not ours."""
    path = _of_npm(AXE_PACKAGE, "package/axe.min.js", AXE_INTEGRITY)
    return None if path is None else path.read_text(encoding="utf-8")


def _of_npm(package: str, member_name: str, integrity: str) -> Path | None:
    name = package.strip("@").replace("/", "-").replace("@", "-") + ".js"
    kept = Path(tempfile.gettempdir()) / f"aiocancel-tests-{os.getuid()}" / name
    if kept.is_file() and _integrity(kept.read_bytes()) == integrity:
        return kept

    npm = shutil.which("npm")
    if npm is None:
        return None

    kept.parent.mkdir(mode=0o700, exist_ok=True)

    with tempfile.TemporaryDirectory(dir=kept.parent) as folder:
        command = [npm, "pack", "--silent", package]
        if (
            subprocess.run(
                command, cwd=folder, capture_output=True, timeout=120, check=False
            ).returncode
            != 0
        ):
            return None
        (archive,) = Path(folder).glob("*.tgz")
        with tarfile.open(archive) as tar:
            member = tar.extractfile(member_name)
            content = member.read() if member is not None else b""
        if _integrity(content) != integrity:
            raise ValueError(f"{package} does not have the expected content")
        fresh = Path(folder) / "fetched.js"
        fresh.write_bytes(content)
        fresh.replace(kept)

    return kept


def _integrity(content: bytes) -> str:
    return "sha384-" + base64.b64encode(hashlib.sha384(content).digest()).decode()


def not_available(what: str) -> NoReturn:
    """Skip the test, or fail it where AIOCANCEL_REQUIRE_BROWSER=1 says that nothing may be missing."""
    if os.environ.get("AIOCANCEL_REQUIRE_BROWSER") == "1":
        pytest.fail(what)
    pytest.skip(what)


@dataclass
class Observed:
    """What a page said while a test drove it: in every frame, over every navigation."""

    console: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    reported_violations: list[str] = field(default_factory=list)

    @property
    def csp_violations(self) -> list[str]:
        """Reported by the page's own event, or by the browser in the console."""
        return self.reported_violations + [
            text for text in self.console if "Content Security Policy" in text
        ]

    async def attach(self, page: Page) -> None:
        """Listen to ``page``; before its first navigation."""

        def on_console(message: ConsoleMessage) -> None:
            self.console.append(f"{message.type}: {message.text}")

        # Playwright marks the functions it is given, which a built-in method like list.append forbids.
        def on_violation(violation: str) -> None:
            self.reported_violations.append(violation)

        page.on("console", on_console)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        await page.expose_function("aiocancelViolation", on_violation)
        await page.add_init_script(
            "document.addEventListener('securitypolicyviolation', (event) =>"
            " window.aiocancelViolation(`${event.effectiveDirective} ${event.blockedURI}`));"
        )


HOST_HTML = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Account</title><script src="{client_src}"></script></head>
<body><h1>Account</h1><button id="cancel">Cancel subscription</button>
<script type="application/json" id="setup">{setup}</script><script src="/page.js"></script></body></html>
"""

# The clicks start the client exactly as an integrator's page would; `calls` is what it told us.
HOST_JS = """
const setup = JSON.parse(document.getElementById("setup").textContent);
window.__PROSPERSTACK_DEBUG_API_HOST__ = setup.apiHost;
window.__PROSPERSTACK_DEBUG_APP_HOST__ = setup.appHost;
window.calls = [];
document.getElementById("cancel").addEventListener("click", () => {
  const told = (name) => (value) => { window.calls.push([name, value instanceof Error ? value.message : value]); };
  window.ProsperStack.flow(setup.payload, {
    onStarted: told("started"), onCompleted: told("completed"), onClosed: told("closed"), onError: told("error"),
    ...setup.options,
  });
});
"""


def strict_policy(hosts: Hosts, **changed: str) -> str:
    """The narrowest policy under which the genuine client works; ``connect_src="'none'"`` and so on break it."""
    directives = {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": CLIENT_STYLE_HASH,
        "connect-src": hosts.api_url,
        "frame-src": hosts.app_url,
    }
    directives |= {name.replace("_", "-"): sources for name, sources in changed.items()}
    return "; ".join(f"{name} {sources}" for name, sources in directives.items())


@contextlib.asynccontextmanager
async def host_page(
    hosts: Hosts,
    client_js: bytes,
    payload: Mapping[str, Any],
    *,
    policy: str | None = None,
    options: Mapping[str, Any] | None = None,
) -> AsyncIterator[str]:
    """Serve a page with a cancel button that starts the given client; yields its URL."""
    setup = {
        "apiHost": hosts.api_url,
        "appHost": hosts.app_url,
        "payload": dict(payload),
        "options": dict(options or {}),
    }
    markup = HOST_HTML.format(
        client_src="/client.js", setup=json.dumps(setup).replace("<", "\\u003c")
    )

    async def show(_: web.Request) -> web.Response:
        header = {"Content-Security-Policy": policy or strict_policy(hosts)}
        return web.Response(text=markup, content_type="text/html", headers=header)

    async def page_js(_: web.Request) -> web.Response:
        return web.Response(text=HOST_JS, content_type="text/javascript")

    async def serve_client(_: web.Request) -> web.Response:
        return web.Response(body=client_js, content_type="text/javascript")

    async def no_icon(_: web.Request) -> web.Response:
        return web.Response(status=204)

    app = web.Application()
    app.router.add_get("/", show)
    app.router.add_get("/page.js", page_js)
    app.router.add_get("/client.js", serve_client)
    app.router.add_get("/favicon.ico", no_icon)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/"
    finally:
        await runner.cleanup()
