"""The application of the owner's pages, which an application mounts wherever it likes.

1. ``operator=`` is asked on every request; nobody is 404, as a page that does not exist.
2. A change is a post with a token of ours, made for this operator; anything else is 403 and changes nothing.
3. Every block is a statement of its own with a time limit: one that is too slow is left out, the rest is there.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlencode

from aiohttp import web

from aiocancel.core.by_hand import Operation, is_reason
from aiocancel.core.form_token import FormTokens
from aiocancel.errors import MalformedClaimError, OperationError, UnavailableError
from aiocancel.telemetry import type_and_place
from aiocancel.web.console.definitions import definitions_page
from aiocancel.web.console.desk import Desk, MakePage
from aiocancel.web.console.figures import figures_page
from aiocancel.web.console.flow import flow_page
from aiocancel.web.console.now import close_page, now_page
from aiocancel.web.console.page import Page, as_csv, as_html, as_json, warm_up
from aiocancel.web.console.range import RangeError, of_micros
from aiocancel.web.console.sessions import sessions_page, story_page
from aiocancel.web.console.words import LANGUAGE, LANGUAGES, Writing
from aiocancel.web.languages import accepted_languages, best_language
from aiocancel.web.post_body import FORM, read_body, read_pairs

logger = logging.getLogger("aiocancel")

Operator = Callable[[web.Request], Awaitable[str | None] | str | None]
"""The application's function that names the operator for the journal; None means that nobody may look."""

LONGEST_NAME: Final = 100
_MOST_BODY: Final = 16_384
_MOST_IDS: Final = 200
_OPERATOR: Final = web.RequestKey("aiocancel_operator", str)
_DESK: Final = web.RequestKey("aiocancel_desk", Desk)
_UNPRINTABLE: Final = re.compile(r"[^\x20-\x7e\xa0-\ud7ff\ue000-\U0010ffff]")

CLOSE_REASONS: Final = ("done_by_hand", "customer_withdrew", "refunded", "duplicate", "other")
TABS: Final = ("now", "sessions", "figures", "flow", "definitions")
# Path, name and maker of each page.
PAGES: Final[Sequence[tuple[str, str, MakePage]]] = (
    ("/", "now", now_page),
    ("/sessions", "sessions", sessions_page),
    ("/sessions/{which:[sc][0-9]{1,18}}", "story", story_page),
    ("/figures", "figures", figures_page),
    ("/flow", "flow", flow_page),
    ("/definitions", "definitions", definitions_page),
    ("/actions/{action:[0-9]{1,18}}/close", "close", close_page),
)
# What is shown below a tab of another name.
_BELOW: Final = {"story": "sessions", "close": "now"}


class Console:
    """The owner's pages of one plug-in.

    Args:
        desk: What pages are made with. It writes in English; programs always get that.
        operator: The application's function that names the operator.
        tokens: Makes and checks the tokens of forms.
        language: The one that all operators read; None for the one that each operator's browser asks for.
    """

    def __init__(
        self, desk: Desk, operator: Operator, tokens: FormTokens, language: str | None = None
    ) -> None:
        self._desk = desk
        self._language = language
        # What each language needs is made with the first page in it.
        self._desks: dict[str, Desk] = {}
        self._operator = operator
        self._tokens = tokens

    def application(self) -> web.Application:
        """Return the application to be mounted with ``app.add_subapp``."""
        app = web.Application(middlewares=[self._guard])
        app.on_startup.append(_compile)
        app.router.add_get("", self._to_now)
        for path, name, make in PAGES:
            app.router.add_get(path, self._shown(make, name), name=name)
        app.router.add_post("/actions", self._operate, name="operate")
        return app

    # --- who may

    @web.middleware
    async def _guard(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        name = await self._who(request)
        if name is None:
            raise web.HTTPNotFound

        request[_OPERATOR] = name
        desk = request[_DESK] = self._desk_for(request)
        try:
            return await handler(request)
        except UnavailableError:
            return self._sorry(request, 503, "no_answer")
        except RangeError as error:
            said = desk.writing.t(error.key, **error.values)
            return self._sorry(request, 400, "cannot_be_shown", said)

    async def _who(self, request: web.Request) -> str | None:
        """Return the operator's name; whatever is no name is nobody."""
        try:
            answer = self._operator(request)
            name: object = await answer if inspect.isawaitable(answer) else answer
        except web.HTTPException:
            # The application's own answer, for instance a redirect to its login.
            raise
        except Exception as error:
            # Not its text, which may name a person.
            logger.error(
                "operator failed, and nobody sees the owner's pages: %s", type_and_place(error)
            )
            return None

        if name is None or name == "":
            return None
        if not isinstance(name, str):
            logger.error(
                "operator returned a value of type %s, and nobody sees the owner's pages: it must return a str or None",
                type(name).__name__,
            )
            return None
        return _UNPRINTABLE.sub("?", name.strip())[:LONGEST_NAME] or None

    def _desk_for(self, request: web.Request) -> Desk:
        """Return what pages in the operator's language are made with."""
        language = self._language
        if language is None:
            accepted = accepted_languages(request.headers.get("Accept-Language", ""))
            language = best_language(accepted, LANGUAGES) or LANGUAGE

        if language not in self._desks:
            zone, customers = self._desk.settings.time_zone, self._desk.customers_words.language
            writing = Writing(zone, language, customers)
            self._desks[language] = replace(self._desk, writing=writing)
        return self._desks[language]

    # --- pages

    async def _to_now(self, request: web.Request) -> web.StreamResponse:
        raise web.HTTPFound(self._url(request, "now"))

    def _shown(
        self, make: MakePage, name: str
    ) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def handler(request: web.Request) -> web.StreamResponse:
            match request.query.get("view"):
                case "json":
                    return as_json(await make(self._desk, request))
                case "csv":
                    return as_csv(await make(self._desk, request), f"cancellations-{name}")
                case _:
                    return self._html(request, await make(request[_DESK], request), name)

        return handler

    def _html(self, request: web.Request, page: Page, current: str) -> web.Response:
        response = as_html(page, self._desk.settings.theme, self._frame(request, current))
        response.headers["Content-Language"] = request[_DESK].writing.language
        if self._language is None:
            response.headers["Vary"] = "Accept-Language"
        return response

    def _frame(self, request: web.Request, current: str) -> Mapping[str, Any]:
        """Return what every page shows around its own."""
        desk, operator = request[_DESK], request[_OPERATOR]
        kept = {key: each for key, each in request.query.items() if key not in ("view", "said")}

        def here(**more: str) -> str:
            query = urlencode({**kept, **more}, errors="replace")
            return f"{desk.settings.public_prefix}{request.rel_url.raw_path}?{query}"

        return {
            "t": desk.writing.t,
            "w": desk.writing,
            "current": _BELOW.get(current, current),
            "page_name": current,
            "tabs": TABS,
            "url": lambda name, **parts: self._url(request, name, **parts),
            "here": here,
            "operator": operator,
            "mode": desk.settings.mode,
            "token": self._tokens.make(operator, now=self._seconds()),
            "close_reasons": CLOSE_REASONS,
            "is_print": request.query.get("view") == "print",
            "as_of": desk.now(),
            "said": self._said(request.query.get("said", ""), operator, desk.writing),
        }

    def _sorry(
        self, request: web.Request, status: int, key: str, text: str | None = None
    ) -> web.Response:
        t = request[_DESK].writing.t
        said = t(f"{key}_text") if text is None else text
        return self._html(request, Page("sorry.html", t(key), {"text": said}, status=status), "")

    def _url(self, request: web.Request, name: str, **parts: str) -> str:
        path = request.app.router[name].url_for(**parts)
        return f"{self._desk.settings.public_prefix}{path}"

    def _seconds(self) -> int:
        return int(self._desk.now().timestamp())

    # --- changes

    async def _operate(self, request: web.Request) -> web.StreamResponse:
        """Retry or close the actions that a form names, and nothing else."""
        form = await _form(request)
        operator = request[_OPERATOR]
        if not self._tokens.fits(dict(form).get("token", ""), operator, now=self._seconds()):
            return self._sorry(request, 403, "form_is_stale")
        wish = _wish(form)
        if wish is None:
            return self._sorry(request, 400, "form_is_unreadable")

        store, done = await self._desk.store(), 0
        for action_id in wish.ids:
            try:
                await store.operate(
                    wish.operation,
                    action_id,
                    reason=wish.reason,
                    operator=operator,
                    parked_at=wish.parked_at,
                )
                done += 1
            except OperationError:
                # Another operator, or the customer, was faster.
                continue
            except UnavailableError:
                if not done:
                    raise
                # What is done is done, and is said.
                break

        said = f"{wish.operation}.{done}.{len(wish.ids)}"
        proof = self._tokens.make(f"{operator}\n{said}", now=self._seconds())
        raise web.HTTPSeeOther(
            f"{self._url(request, 'now')}?{urlencode({'said': f'{said}.{proof}'})}"
        )

    def _said(self, text: str, operator: str, writing: Writing) -> str:
        """Return what came of a form; an address that we did not make says nothing."""
        word, done, asked, proof = [*text.split(".", 3), "", "", "", ""][:4]
        said = f"{word}.{done}.{asked}"
        if not self._tokens.fits(proof, f"{operator}\n{said}", now=self._seconds()):
            return ""

        t = writing.t
        if done == "0":
            return t("said_refused")
        if word == Operation.CLOSE:
            return t("said_closed")
        key = (
            "said_retried" if asked == "1" else "said_retried_all" if done == asked else "said_some"
        )
        return t(key, done=done, asked=asked)


async def _compile(_: web.Application) -> None:
    """Compile the templates before the first request, in a thread of its own."""
    await asyncio.to_thread(warm_up)


async def _form(request: web.Request) -> list[tuple[str, str]]:
    """Read the fields of a form; raises HTTPBadRequest for anything else."""
    if request.content_type != FORM:
        raise web.HTTPUnsupportedMediaType

    try:
        return read_pairs(await read_body(request, _MOST_BODY), most=_MOST_IDS + 10)
    except MalformedClaimError:
        raise web.HTTPBadRequest from None


@dataclass(frozen=True, slots=True)
class _Wish:
    """What a form asks for.

    Args:
        operation: What to do.
        ids: With which actions.
        reason: Why they are closed.
        parked_at: When the one that is closed had stopped, as its operator saw it.
    """

    operation: Operation
    ids: Sequence[int]
    reason: str | None = None
    parked_at: datetime | None = None


def _wish(form: list[tuple[str, str]]) -> _Wish | None:
    """Return what a form asks for, None for whatever cannot be read."""
    fields = dict(form)
    texts = [value for name, value in form if name == "action"]
    ids = [int(each) for each in texts if each.isascii() and each.isdigit() and len(each) <= 18]
    if not ids or len(ids) != len(texts):
        return None

    match fields.get("do"):
        case Operation.RETRY:
            return _Wish(Operation.RETRY, ids)
        case Operation.CLOSE:
            reason = fields.get("reason", "")
            if reason == "other":
                reason = fields.get("word", "").strip() or reason
            elif reason not in CLOSE_REASONS:
                return None
            parked_at = of_micros(fields.get("parked", ""))
            if parked_at is None or not is_reason(reason):
                return None
            return _Wish(Operation.CLOSE, ids, reason, parked_at)
        case _:
            return None
