"""Start the demo as the README says and cancel one subscription through it: ``python -m tests.support.drive_demo``."""

from __future__ import annotations

import asyncio
import re
import signal
import sys
import time
from pathlib import Path

import aiohttp

DEMO = Path(__file__).parents[2] / "examples" / "saas_app.py"
FIRST_PAGE_WITHIN_S = 60.0


async def main() -> None:
    """Drive the demo; raises AssertionError where it does not do what it says."""
    started = time.monotonic()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-W", "error", str(DEMO), "--port", "0", stdout=asyncio.subprocess.PIPE
    )

    try:
        url = await asyncio.wait_for(address(process), FIRST_PAGE_WITHIN_S)
        async with aiohttp.ClientSession(url, cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
            await cancel(session, started)
    finally:
        process.send_signal(signal.SIGINT)
        status = await asyncio.wait_for(process.wait(), 30)

    assert status == 0, f"the demo ended with status {status}"
    print("stopped cleanly on Ctrl-C")


async def address(process: asyncio.subprocess.Process) -> str:
    """Return the URL that the demo prints."""
    assert process.stdout is not None
    async for line in process.stdout:
        if found := re.search(rb"http://127\.0\.0\.1:\d+$", line.strip()):
            return found[0].decode()
    raise AssertionError("the demo ended without printing its URL")


async def cancel(session: aiohttp.ClientSession, started: float) -> None:
    """Log in, cancel on the plain page, and look at what Stripe says."""
    async with session.get("/") as front:
        assert front.status == 200

    print(f"first page after {time.monotonic() - started:.1f} s")

    async with session.post("/login", data={"customer": "zoe"}) as account:
        assert "Cancel subscription" in await account.text()
        assert "'nonce-" in account.headers["Content-Security-Policy"]

    async with session.get("/cancel", headers={"Accept": "text/html"}) as why:
        text = await why.text()

    grant = re.search(r'name="grant" value="([^"]+)"', text)
    action = re.search(r'action="([^"]+)"', text)
    assert grant is not None, "the screen carries no grant"
    assert action is not None
    form = {"grant": grant[1], "do": "cancel", "reason": "other", "comment": "the demo's own check"}

    async with session.post(action[1], data=form, headers={"Accept": "text/html"}) as outcome:
        text = await outcome.text()
        assert 'data-outcome="scheduled"' in text, text

    async with session.get("/account/stripe") as says:
        stripe = await says.json()

    assert stripe["ending"] is True, stripe
    assert "the demo's own check" in stripe["reason"], stripe
    async with asyncio.timeout(15):
        while "subscription ends on" not in await mailbox_of(session):  # noqa: ASYNC110
            await asyncio.sleep(0.2)
    print(f"cancelled: Stripe says it ends on {stripe['ends']}")


async def mailbox_of(session: aiohttp.ClientSession) -> str:
    """Return the page of the mails that were sent."""
    async with session.get("/mailbox") as page:
        return await page.text()


if __name__ == "__main__":
    asyncio.run(main())
