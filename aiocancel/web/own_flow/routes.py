"""The routes of our own flow: each shows a screen, or takes what was pressed on one and leads to the next.

A form that is sent is answered with 303, so that back and reload repeat nothing. The button that cancels works from
every screen, whatever became of the session.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from aiohttp import web

from aiocancel.core.codes import Code
from aiocancel.core.flow.answers import NO_ANSWERS
from aiocancel.core.flow.screen import Screen, Situation
from aiocancel.core.flow.steps import FlowStep, FlowStepError, SessionState
from aiocancel.core.plain_page import already_page, ended_page
from aiocancel.errors import ClaimError, MalformedClaimError, UnavailableError
from aiocancel.telemetry import ClaimRefused, PageTemplateFailed, type_and_place
from aiocancel.web.caching import NO_STORE
from aiocancel.web.own_flow.declared import exit_declared, offer_declared
from aiocancel.web.own_flow.form import Do, Pressed, read_pressed
from aiocancel.web.own_flow.pages import address_of, query_of, show_screen
from aiocancel.web.own_flow.view import Problem, Shown, price_notes, price_rows, view_after
from aiocancel.web.post_body import FORM, read_body
from aiocancel.web.site import Site

if TYPE_CHECKING:
    from aiocancel.core.claim import Topic
    from aiocancel.core.decision import Answer
    from aiocancel.core.subscription import OwnedSubscription
    from aiocancel.core.undo import Undo
    from aiocancel.own_flow import OwnFlowService
    from aiocancel.web.flow_context import FlowContext
    from aiocancel.web.languages import Words
    from aiocancel.web.plain_pages import PlainPages


class Recorded(NamedTuple):
    """A claim that the ledger has, and its answer where it had one at once."""

    public_id: uuid.UUID
    topic: Topic | None
    answer: Answer | None


class SharedRoutes(Protocol):
    """What the flow's routes share with the plug-in's others."""

    async def identified(self, request: web.Request) -> str:
        """Return who is logged in; raises UnidentifiedError."""
        ...

    async def resolved_one(self, request: web.Request) -> FlowContext:
        """Return the request's flow, about one subscription; raises ClaimError and UnavailableError."""
        ...

    async def refusal(
        self, request: web.Request, error: ClaimError | UnavailableError, *, wants_page: bool
    ) -> web.Response:
        """Return the answer to an error."""
        ...

    async def outcome_again(
        self, request: web.Request, claim: str, besides: Shown, status: int
    ) -> web.Response:
        """Return the page of a claim's outcome with what is to be said besides."""
        ...


class OwnFlowHandlers:
    """The handlers of our own flow.

    Args:
        site: The plug-in.
        pages: Its other pages.
        shared: What its other routes do as well.
        service: The running flow, starting it if nothing has.
    """

    def __init__(
        self,
        site: Site,
        pages: PlainPages,
        shared: SharedRoutes,
        service: Callable[[], Awaitable[OwnFlowService]],
    ) -> None:
        self._site = site
        self._pages = pages
        self._shared = shared
        self._service = service

    def routes(self) -> list[web.RouteDef]:
        """Return the routes of the screens and of what is pressed on them; without a session only the exit is."""
        prefix = self._site.settings.prefix
        return [
            web.get(f"{prefix}/flow/{{session}}", self.screen),
            web.get(f"{prefix}/flow/{{session}}/why", self.why),
            web.post(f"{prefix}/flow/{{session}}", self.press),
            web.post(f"{prefix}/flow", self.press),
        ]

    async def opened(
        self,
        request: web.Request,
        words: Words,
        owned: OwnedSubscription,
        grant: str,
        *,
        once_more: Shown | None = None,
    ) -> web.Response:
        """Begin a session, or go on with the one that is open, and lead to its screen.

        Args:
            request: The customer's.
            words: Those of the customer's language.
            owned: The customer's own subscription.
            grant: Lets the exit act where no session can be kept.
            once_more: What is said to a customer who has pressed the exit in vain; then nothing else is on the page.
        """
        from aiocancel.own_flow import RequestFacts

        service = await self._service()
        place = await self._site.place_of(owned.customer_id)
        facts = RequestFacts(words.language, place)
        screen = (
            await service.open(owned, facts)
            if once_more is None
            else await service.exit_alone(owned, facts)
        )

        at = screen.facts.ends_at
        over = {Situation.ALREADY_ENDING: already_page, Situation.ENDED: ended_page}
        if (page := over.get(screen.facts.situation)) is not None:
            named = request.query.get("subscription")
            return await self._pages.nothing(
                request,
                words,
                page(at),
                owned=owned,
                shown=None,
                named=named,
                claim_id=screen.claim_id,
            )
        if screen.session_id is None:
            said = once_more or Shown()
            return await show_screen(request, self._site, words, screen, grant=grant, besides=said)
        at_first = "/why" if screen.step is FlowStep.WHY else ""
        return _see(address_of(self._site, screen.session_id, query_of(request), at_first))

    async def after(
        self,
        words: Words,
        owned: OwnedSubscription,
        claim_id: uuid.UUID,
        *,
        is_carried_out: bool,
        besides: Shown,
    ) -> Mapping[str, Any] | None:
        """Return what the page of a cancellation's outcome asks and offers; None where that is nothing.

        Args:
            words: Those of the customer's language.
            owned: The customer's own subscription.
            claim_id: The cancellation.
            is_carried_out: Whether Stripe has it, and its customer may take it back.
            besides: What is said besides.
        """
        service = await self._service()
        screen = await service.after(owned, claim_id, is_carried_out=is_carried_out)
        try:
            view = view_after(screen, words, besides)
        except Exception as error:
            # What cannot be put into words keeps nobody from reading what became of the cancellation.
            self._site.on_event(PageTemplateFailed("aiocancel/follow.html", type_and_place(error)))
            return None
        if not view:
            return None

        session_id = None if screen is None else screen.session_id
        grant = (await self._site.service()).seal(owned).grant
        query = {"subscription": owned.subscription_id}
        return {**view, "grant": grant, "action": address_of(self._site, session_id, query)}

    async def price_of_undo(
        self, owned: OwnedSubscription, undo: Undo, words: Words, plan: str | None
    ) -> Mapping[str, Sequence[Any]]:
        """Return the rows and notes of what going on costs; empty where that is not certain."""
        price = await (await self._service()).price_of_undo(owned, undo)
        if price is None:
            return {}
        return {"rows": price_rows(price, plan, words), "notes": price_notes(price, words)}

    async def screen(self, request: web.Request) -> web.Response:
        """``GET /cancel/flow/{session}``: the screen that the session is at."""
        return await self._shown(request)

    async def why(self, request: web.Request) -> web.Response:
        """``GET /cancel/flow/{session}/why``: the question that comes first, with the answers given."""
        return await self._shown(request, at_why=True)

    async def press(self, request: web.Request) -> web.Response:
        """``POST /cancel/flow/{session}``: take what was pressed, and lead to the next screen or to the outcome."""
        came_at = time.monotonic()
        session_id = request.match_info.get("session")
        pressed = None
        try:
            # Before the body is touched: that of a stranger costs nothing then.
            customer_id = await self._shared.identified(request)
            pressed = await self._read(request)
            recorded = await self._done(customer_id, session_id, pressed, request)
        except FlowStepError as error:
            return await self._out_of_step(request, session_id, pressed, error)
        except ClaimError as error:
            if error.code == Code.GRANT_EXPIRED and pressed is not None:
                self._site.on_event(ClaimRefused(error.code))
                typed = None if pressed.answers == NO_ANSWERS else pressed.answers
                besides = Shown(note="flow_was_open", answers=typed)
                return await self._again(request, session_id, besides)
            return await self._shared.refusal(request, error, wants_page=True)
        except UnavailableError as error:
            return await self._shared.refusal(request, error, wants_page=True)

        if isinstance(recorded, web.Response):
            return recorded
        service = await self._site.service()
        # It is recorded. If its end cannot be heard of now, the next page asks.
        with suppress(UnavailableError):
            await service.wait_for_answer(
                recorded.public_id,
                customer_id,
                topic=recorded.topic,
                known=recorded.answer,
                since=came_at,
            )
        return _see(f"{self._site.path}/status/{recorded.public_id}")

    async def _read(self, request: web.Request) -> Pressed:
        if request.content_type != FORM:
            raise MalformedClaimError(
                "Post application/x-www-form-urlencoded.",
                code=Code.WRONG_CONTENT_TYPE,
                status=415,
            )
        return read_pressed(await read_body(request, self._site.settings.max_body_bytes))

    async def _done(
        self, customer_id: str, session_id: str | None, pressed: Pressed, request: web.Request
    ) -> Recorded | web.Response:
        """Do what was pressed; a claim leads to its outcome, everything else to a screen."""
        service, answers = await self._service(), pressed.answers
        words = self._site.languages.of(request)
        if pressed.do is Do.CANCEL:
            claim = await service.cancel(
                customer_id,
                session_id,
                pressed.grant,
                answers,
                language=words.language,
                declare=exit_declared(words),
            )
            return Recorded(claim.public_id, claim.topic, claim.answer)
        if session_id is None:
            raise FlowStepError("There is no attempt to go on with.")

        match pressed.do:
            case Do.ACCEPT:
                claim = await service.accept(
                    customer_id,
                    session_id,
                    pressed.offer or "",
                    pressed.months,
                    pressed.grant,
                    declare=offer_declared(words),
                )
                return Recorded(claim.public_id, claim.topic, claim.answer)
            case Do.CONTINUE:
                if pressed.problem is not None:
                    besides = Shown(pressed.problem, answers=answers)
                    return await self._again(request, session_id, besides, at_why=True, status=422)
                await service.answer(customer_id, session_id, answers)
            case Do.PERMIT:
                await service.permit(customer_id, session_id, allowed=True)
            case Do.DECLINE:
                await service.decline(customer_id, session_id, pressed.offer or "")
            case Do.LOOK:
                pass
        return _see(address_of(self._site, session_id, query_of(request)))

    async def _out_of_step(
        self,
        request: web.Request,
        session_id: str | None,
        pressed: Pressed | None,
        error: FlowStepError,
    ) -> web.Response:
        """Say that the page was out of date, on the screen that is up to date where there is one."""
        if session_id is None or pressed is None:
            return await self._shared.refusal(request, error, wants_page=True)

        if error.code == Code.MONTHS_WERE_NOT_OFFERED and pressed.months is None:
            asked = Shown(Problem("flow_choose_months", "months"))
            return await self._again(request, session_id, asked, status=422)
        if error.code == Code.OFFER_NO_LONGER_FITS:
            gone = Shown(note="flow_offer_gone")
            return await self._again(request, session_id, gone, bare=True)
        if error.code == Code.FLOW_SESSION_IS_OVER:
            # The page says that the press was not taken.
            is_offer = pressed.do is Do.ACCEPT
            note = "flow_offer_gone" if is_offer else "flow_took_long"
            return await self._again(request, session_id, Shown(note=note))
        return await self._shared.refusal(request, error, wants_page=True)

    async def _again(
        self,
        request: web.Request,
        session_id: str | None,
        besides: Shown,
        *,
        at_why: bool = False,
        bare: bool = False,
        status: int = 200,
    ) -> web.Response:
        """Show the screen again on which something was pressed: after a declaration, the page of its outcome."""
        claim = await self._claim_before(request, session_id)
        if claim is not None:
            return await self._shared.outcome_again(request, claim, besides, status)
        return await self._shown(request, at_why=at_why, bare=bare, besides=besides, status=status)

    async def _claim_before(self, request: web.Request, session_id: str | None) -> str | None:
        """Return the cancellation that a session follows, None where it follows none, or that cannot be told."""
        service = await self._service()
        if session_id is None or not service.follows_declarations:
            return None
        try:
            customer_id = await self._shared.identified(request)
            screen = await service.screen(customer_id, session_id)
        except (ClaimError, UnavailableError):
            # The route that shows the screen says why it cannot be shown.
            return None
        return screen.claim_id if screen.after else None

    async def _shown(
        self,
        request: web.Request,
        *,
        at_why: bool = False,
        bare: bool = False,
        besides: Shown | None = None,
        status: int = 200,
    ) -> web.Response:
        """Show a screen of the session that the address names.

        Args:
            request: The request.
            at_why: Whether the question for the reason is shown, whatever the session is at.
            bare: Whether the exit is shown alone.
            besides: What the screen says besides.
            status: The HTTP status.
        """
        session_id = request.match_info.get("session")
        words = self._site.languages.of(request)
        try:
            flow = await self._shared.resolved_one(request)
            owned, sealed = flow.subscription, flow.sealed
            if owned is None or sealed is None:
                raise ClaimError(
                    "This customer has no subscription.", code=Code.UNKNOWN_SUBSCRIPTION, status=404
                )
            if session_id is None:
                # No session could be kept, and the page was open for too long.
                return await self.opened(request, words, owned, sealed.grant, once_more=besides)
            service = await self._service()
            screen = await service.screen(owned.customer_id, session_id, owned)
        except (ClaimError, UnavailableError) as error:
            return await self._shared.refusal(request, error, wants_page=True)

        if screen.step is FlowStep.OUTCOME:
            claim_id = screen.claim_id
            return _see(
                self._site.path if claim_id is None else f"{self._site.path}/status/{claim_id}"
            )
        screen = _at(screen, at_why=at_why, bare=bare)
        return await show_screen(
            request,
            self._site,
            words,
            screen,
            grant=sealed.grant,
            besides=besides or Shown(),
            status=status,
        )


def _at(screen: Screen, *, at_why: bool, bare: bool) -> Screen:
    if bare:
        return replace(screen, step=FlowStep.EXIT, offer=None)
    # Nothing stands before the exit where nothing may. A customer who waited for too long may only leave.
    may_ask = screen.state is SessionState.OPEN and screen.may_ask
    if at_why and (may_ask or screen.answers != NO_ANSWERS):
        return replace(screen, step=FlowStep.WHY, offer=None)
    return screen


def _see(address: str) -> web.Response:
    return web.Response(status=303, headers={**NO_STORE, "Location": address})
