"""A customer at the browser: opens a page, takes the grant from it, and posts what was chosen."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from html.parser import HTMLParser
from typing import Any, Protocol

from yarl import URL


class Client(Protocol):
    """What is needed of aiohttp's ``TestClient``, or of a ``ClientSession`` with a base URL."""

    @property
    def get(self) -> Callable[..., Any]:
        """Asks for a page."""

    @property
    def post(self) -> Callable[..., Any]:
        """Posts something."""


class Customer:
    """One customer; the client's cookies, or ``headers``, say which one.

    Each deed opens a page first, as a browser does: a grant is good for one deed.

    Args:
        client: aiohttp's ``TestClient``, or a ``ClientSession`` with a base URL.
        page: Where the customer finds the button; the plain page at ``prefix`` when None.
        prefix: Where the routes of aiocancel are, as given to ``CancelFlow``.
        headers: Sent with every request.
        public_prefix: As given to ``CancelFlow``. There is no proxy in front of the client, so the customer takes it
            off every link of aiocancel's, as the proxy would.
    """

    def __init__(
        self,
        client: Client,
        *,
        page: str | None = None,
        prefix: str = "/cancel",
        headers: Mapping[str, str] | None = None,
        public_prefix: str = "",
    ) -> None:
        self._client = client
        self._page = page or prefix
        self._prefix = prefix
        self._headers = dict(headers or {})
        self._public_prefix = public_prefix

    async def cancel(self, *, reason: str = "", reason_code: str = "") -> dict[str, Any]:
        """Cancel without a flow vendor, and return the answer.

        Args:
            reason: The customer's own words.
            reason_code: A word of the application's.
        """
        return await self._choose(
            {"status": "canceled", "reason": reason, "reason_code": reason_code}
        )

    async def take_back(self, status: str = "resumed") -> dict[str, Any]:
        """Take something back, and return the answer.

        Args:
            status: A cancellation (``resumed``), a pause (``unpaused``), a discount (``discount_removed``) or a plan
                that is still to come (``plan_kept``).
        """
        return await self._choose({"status": status})

    async def accept_offer(self, session: Mapping[str, Any]) -> dict[str, Any]:
        """Post the end of a flow vendor's session, and return the answer.

        Args:
            session: As ``ProsperStackSimulator.finish(…, status="saved", offer_id=…)`` returns it.
        """
        result = {"status": session["status"], "flowSession": dict(session)}
        return await self._choose({"result": result})

    async def status(self, answer: Mapping[str, Any]) -> dict[str, Any]:
        """Ask where an earlier choice stands.

        Args:
            answer: An earlier answer.
        """
        return await self._ask(str(answer["status_url"]))

    async def settled(self, answer: Mapping[str, Any], *, within_s: float = 10.0) -> dict[str, Any]:
        """Ask until an earlier choice has its final answer; raises TimeoutError.

        Args:
            answer: An earlier answer.
            within_s: How long to go on, in seconds.
        """
        current = dict(answer)
        async with asyncio.timeout(within_s):
            while not current["settled"]:
                await asyncio.sleep(0.02)
                current = await self.status(current)
        return current

    async def grant(self) -> str:
        """Open the page and return its grant; raises AssertionError where it has none."""
        found = _Grants(await self._open(self._page))
        if found.grant is None and found.has_script:
            found.grant = ((await self._ask(f"{self._prefix}/payload"))["flow"] or {}).get("grant")
        assert found.grant is not None, f"{self._page} has no grant: is anybody logged in?"  # noqa: S101 - it fails a test
        return found.grant

    async def _open(self, path: str, *, redirects: int = 5) -> str:
        headers = {**self._headers, "Accept": "text/html"}
        # A client that followed a redirect by itself would ask for the link with what the proxy takes off.
        follow = not self._public_prefix
        async with self._client.get(path, headers=headers, allow_redirects=follow) as response:
            text: str = await response.text()
            if response.status in (301, 302, 303, 307, 308) and redirects:
                to = response.url.join(URL(response.headers["Location"])).raw_path_qs
                return await self._open(self._inside(to), redirects=redirects - 1)
            assert response.status == 200, f"{path} answered {response.status}: {text}"  # noqa: S101 - it fails a test
        return text

    def _inside(self, path: str) -> str:
        """Return a link as it reaches the application."""
        return path.removeprefix(self._public_prefix)

    async def _choose(self, choice: Mapping[str, Any]) -> dict[str, Any]:
        body = {"grant": await self.grant(), **choice}
        path = f"{self._prefix}/result"
        async with self._client.post(path, json=body, headers=self._headers) as response:
            return await _read(response)

    async def _ask(self, path: str) -> dict[str, Any]:
        async with self._client.get(self._inside(path), headers=self._headers) as response:
            return await _read(response)


class _Grants(HTMLParser):
    """The grant in a page: what the page script is given, or a hidden field of the plain form."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.grant: str | None = None
        self.has_script = False
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Look at one element."""
        found = dict(attrs)
        if tag == "script" and "data-aiocancel" in found:
            self.has_script = True
            if carried := found["data-aiocancel"]:
                self.grant = str(json.loads(carried)["grant"])
        elif tag == "input" and found.get("name") == "grant":
            self.grant = found.get("value")


async def _read(response: Any) -> dict[str, Any]:
    answer: dict[str, Any] = await response.json()
    assert response.status in (200, 202), f"answered {response.status}: {answer}"  # noqa: S101 - it fails a test
    return answer
