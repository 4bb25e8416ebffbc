"""The public exit: one page, open to anybody, with the form and the final button on it, and nothing in between.

It asks what the law lets it ask, and needs no script, no login and no Stripe. Its answer is the same for every
contract: a worker finds later whose it is.
"""

from __future__ import annotations

import ipaddress
import secrets
import time
import uuid
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from aiohttp import web

from aiocancel.core.codes import AnyCode, Code
from aiocancel.core.public_exit import read_declaration
from aiocancel.errors import ClaimError, MalformedClaimError, UnavailableError
from aiocancel.mail.letter import LetterTemplates, WrittenLetter, public_letter
from aiocancel.telemetry import ClaimRefused
from aiocancel.texts import statutory
from aiocancel.web.acknowledgement import HEADERS
from aiocancel.web.csp_header import StrictResponse
from aiocancel.web.pages import render_page
from aiocancel.web.post_body import read_body, read_fields
from aiocancel.wording import Words

if TYPE_CHECKING:
    from aiocancel.core.grants import GrantSealer
    from aiocancel.core.public_exit import PublicExit
    from aiocancel.postgres.public_exit import ReceivedDeclaration
    from aiocancel.web.site import Site

FIELDS: Final = ("kind", "reason", "name", "contract", "end", "on_date", "email")
"""Exactly what may be asked: LG Köln 33 O 355/22 takes them for the minimum and the maximum."""

# No program that fills in forms for people knows a field of this name.
TRAP: Final = "aiocancel_empty"
_MAX_BYTES: Final = 64 * 1024
_MOST_FIELDS: Final = 20
_NONCE_BYTES: Final = 18
# A page that was open for longer is shown again with what was typed.
PAGE_LIFETIME_S: Final = 24 * 3600
SAVED_FOR_S: Final = 30 * 86_400
_CHOSEN: Final = {"kind": "ordinary", "end": "soonest"}


class PublicExitPage:
    """The handlers of the public exit."""

    def __init__(self, site: Site, public_exit: PublicExit, sealer: GrantSealer) -> None:
        self._site = site
        self._sealer = sealer
        self._exit = public_exit
        self._words = Words(statutory.LANGUAGE, {}, site.settings.time_zone)
        self._templates = LetterTemplates(None, on_event=site.on_event)

    async def form(self, request: web.Request) -> web.Response:
        """``GET /cancel/public``: the page; it asks no database."""
        return await self._show(request, _CHOSEN, {})

    async def declare(self, request: web.Request) -> web.StreamResponse:
        """``POST /cancel/public``: take a declaration, and lead to the page that shows and saves it."""
        try:
            typed = read_fields(await read_body(request, _MAX_BYTES), most=_MOST_FIELDS)
        except MalformedClaimError as error:
            self._site.on_event(ClaimRefused(error.code))
            return await self._show(request, _CHOSEN, {}, status=error.status, notice="later")
        kept = {name: typed.get(name, "") for name in FIELDS}
        page = typed.get("page", "")

        declaration, problems = read_declaration(typed)
        if declaration is None:
            return await self._show(request, kept, problems, status=400)
        if not self._is_from_here(request):
            return await self._again(request, kept, Code.FOREIGN_POST, 403, "old_page")

        try:
            public_exit = (await self._site.service()).public_exit
            nonce = public_exit.page_nonce(page, lifetime_s=PAGE_LIFETIME_S)
            if nonce is None:
                return await self._again(request, kept, Code.GRANT_EXPIRED, 403, "old_page")
            if typed.get(TRAP):
                # A machine filled in what nobody sees. It may be one that helps a person to type, so nothing is
                # lost: the form comes again without the trap.
                return await self._again(
                    request, kept, Code.TRAP_FILLED_IN, 400, "trapped", trap=None
                )
            public_id = await public_exit.declare(
                declaration,
                nonce=nonce,
                network=public_exit.keyed_network(network_of(request)),
                limits=self._exit,
            )
        except UnavailableError:
            # The same page once more: should the declaration have arrived, the next press finds it again.
            return await self._again(request, kept, Code.UNAVAILABLE, 503, "later", page=page)

        if public_id is None:
            return await self._again(request, kept, Code.TOO_MANY_DECLARATIONS, 429, "too_many")
        return self._see_other(public_exit.key_of(public_id, for_s=SAVED_FOR_S))

    async def received(self, request: web.Request) -> web.StreamResponse:
        """``GET /cancel/public/{key}``: the declaration with date and time; ``?save=1`` hands it out as a file."""
        try:
            service = await self._site.service()
            one = await service.public_exit.received(request.match_info["key"])
        except ClaimError as error:
            return await self._show(request, _CHOSEN, {}, status=error.status, notice="no_page")
        except UnavailableError:
            return await self._not_shown(request)

        letter = self._letter(*one)
        if request.query.get("save") is not None:
            return self._saved(letter)
        response = await render_page(
            request,
            self._site,
            "acknowledgement.html",
            self._words,
            title=statutory.EXIT["received"],
            letter=letter,
            print_hint=self._words.text("letter_print"),
            links=[{"url": "?save=1", "text": statutory.EXIT["save"]}],
        )
        response.headers.update(HEADERS)
        return response

    async def _not_shown(self, request: web.Request) -> web.Response:
        """Say that a declaration cannot be read now; no form, since it was stored before and stays one."""
        texts = statutory.EXIT

        response = await render_page(
            request,
            self._site,
            "message.html",
            self._words,
            status=503,
            title=texts["not_shown_title"],
            text=texts["not_shown"],
            outcome="not_shown",
            badge=None,
            about=(),
            keep=None,
            after=None,
            links=[{"url": self._page_of(request.match_info["key"]), "text": texts["reload"]}],
        )
        response.headers.update(HEADERS)
        return response

    def _letter(self, public_id: uuid.UUID, received: ReceivedDeclaration) -> WrittenLetter:
        return public_letter(
            received.declaration,
            received.received_at,
            str(public_id),
            self._words,
            brand=self._site.settings.theme.name,
            is_sent=received.is_written_to,
        )

    def _saved(self, letter: WrittenLetter) -> web.Response:
        return StrictResponse(
            text=self._templates.html(letter),
            content_type="text/html",
            headers={
                **HEADERS,
                "Cache-Control": "no-store",
                "X-Content-Type-Options": "nosniff",
                "Content-Disposition": 'attachment; filename="kuendigung.html"',
                "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox",
            },
        )

    def _see_other(self, key: str) -> web.Response:
        headers = {"Location": self._page_of(key), "Cache-Control": "no-store"}
        return web.Response(status=303, headers=headers)

    def _page_of(self, key: str) -> str:
        return f"{self._site.path}/public/{quote(key, safe='')}"

    async def _again(
        self,
        request: web.Request,
        kept: Mapping[str, str],
        code: AnyCode,
        status: int,
        notice: str,
        *,
        page: str | None = None,
        trap: str | None = TRAP,
    ) -> web.Response:
        """Show the form again with everything that was typed."""
        self._site.on_event(ClaimRefused(code))
        return await self._show(
            request, kept, {}, status=status, notice=notice, page=page, trap=trap
        )

    async def _show(
        self,
        request: web.Request,
        kept: Mapping[str, str],
        problems: Mapping[str, str],
        *,
        status: int = 200,
        notice: str | None = None,
        page: str | None = None,
        trap: str | None = TRAP,
    ) -> web.Response:
        texts = statutory.EXIT
        title = texts["title"]

        return await render_page(
            request,
            self._site,
            "public_exit.html",
            self._words,
            status=status,
            title=title,
            head_title=f"{texts['problems']}: {title}" if problems else title,
            texts=texts,
            action=f"{self._site.path}/public",
            kept={**dict.fromkeys(FIELDS, ""), **kept},
            problems=[(name, texts[key]) for name, key in problems.items()],
            notice=None if notice is None else texts[notice],
            page=self._fresh_page() if page is None else page,
            trap=trap,
        )

    def _fresh_page(self) -> str:
        nonce = secrets.token_urlsafe(_NONCE_BYTES)
        return self._sealer.seal_page(nonce, issued_at=int(time.time()))

    def _is_from_here(self, request: web.Request) -> bool:
        """Whether the form was sent by our own page, as far as the browser says."""
        site = request.headers.get("Sec-Fetch-Site")
        if site is not None:
            return site in ("same-origin", "none")
        origin = request.headers.get("Origin")
        if origin in (None, "null"):
            return True

        # A proxy may have put its own name into Host.
        ours = {request.host, self._site.settings.site_url.partition("://")[2]} - {""}
        return origin.partition("://")[2] in ours


def network_of(request: web.Request) -> str:
    """Return the network that a request came from: one address of version 4, or the 64 bits of version 6."""
    try:
        address = ipaddress.ip_address(request.remote or "")
    except ValueError:
        return "nowhere"
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
        return str(ipaddress.ip_network((address, 64), strict=False))
    return str(address)
