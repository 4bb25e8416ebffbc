"""The routes: take what was posted, answer what is true.

Each handler reads, calls the service once and answers; what may be said is decided in core.
"""

from __future__ import annotations

import asyncio
import hmac
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, urlencode

from aiohttp import web

from aiocancel.config import PAGE_FIELD
from aiocancel.core.claim import FlowClaim, FlowStatus
from aiocancel.core.codes import Code
from aiocancel.core.declaration import Declaration
from aiocancel.core.flow_details import details_to_json
from aiocancel.core.page_facts import about, names_a_payment
from aiocancel.core.plain_page import cancel_page, undo_page
from aiocancel.core.undo import undo_named, undo_of
from aiocancel.errors import (
    ClaimError,
    MalformedClaimError,
    UnavailableError,
    UnidentifiedError,
)
from aiocancel.telemetry import ClaimRefused, LookupFailed
from aiocancel.texts.statutory import CONTRACTS_BUTTON
from aiocancel.web.answer_texts import TITLES, message_of, refusal_of
from aiocancel.web.caching import NO_STORE
from aiocancel.web.flow_context import FLOW_KEY, FlowContext, FlowState
from aiocancel.web.html import flow_data
from aiocancel.web.plain_pages import PlainPages, about_rows
from aiocancel.web.post_body import FORM, read_body, read_post
from aiocancel.web.site import Site

if TYPE_CHECKING:
    from aiocancel.core.decision import Answer
    from aiocancel.core.flow_details import Told
    from aiocancel.core.identifiers import SubscriptionId
    from aiocancel.core.page_facts import AboutSubscription, ShownSubscription
    from aiocancel.core.plain_page import PlainPage
    from aiocancel.core.sentences import Sentence
    from aiocancel.core.subscription import OwnedSubscription
    from aiocancel.core.undo import Undo
    from aiocancel.intake import FlowService
    from aiocancel.mail.letter import WrittenLetter
    from aiocancel.web.languages import Words
    from aiocancel.web.own_flow.routes import OwnFlowHandlers
    from aiocancel.web.own_flow.view import Shown

# Starting again would lead from one customer's page to another's, or to the same answer.
_NO_NEW_START: Final = (Code.GRANT_NOT_YOURS, Code.UNKNOWN_CUSTOMER)
# Each is a request to Stripe.
_MOST_SHOWN: Final = 10
# A pending page asks again by itself, without a script; after a minute the customer is not kept at it any longer.
_REFRESH_S: Final = 3
_REFRESH_FOR: Final = timedelta(minutes=1)


class Handlers:
    """The route handlers of one plug-in."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._pages = PlainPages(site)
        self._own: OwnFlowHandlers | None = None
        if site.own_flow is not None:
            # Late: other sites need none of it.
            from aiocancel.web.own_flow.routes import OwnFlowHandlers

            self._own = OwnFlowHandlers(site, self._pages, self, site.own_flow)

    def post_routes(self) -> list[web.RouteDef]:
        """Return the routes that take what is posted, and that only we may answer."""
        prefix = self._site.settings.prefix
        return [
            web.post(f"{prefix}/result", self.result),
            web.post(f"{prefix}/webhook/{{token}}", self.webhook),
            web.post(f"{prefix}/stripe", self.stripe),
        ]

    def page_routes(self) -> list[web.RouteDef]:
        """Return the routes that our pages and our page script link to."""
        prefix = self._site.settings.prefix

        return [
            web.get(prefix, self.plain),
            web.get(f"{prefix}/payload", self.payload),
            web.get(f"{prefix}/subscription", self.subscription),
            web.get(f"{prefix}/flow.js", self.script),
            web.get(f"{prefix}/style.css", self.style),
            web.get(f"{prefix}/status/{{claim}}", self.status),
            web.get(f"{prefix}/acknowledgement/{{claim}}", self.acknowledgement),
            # The screens' posts as well: a site that mounts its result route by hand must not lose the exit.
            *([] if self._own is None else self._own.routes()),
        ]

    async def flow_screen(self, request: web.Request) -> web.Response:
        """``GET /cancel/flow/{session}``: a screen of our own flow; 404 on a site without one."""
        return await self._own_or_404().screen(request)

    async def flow_why(self, request: web.Request) -> web.Response:
        """``GET /cancel/flow/{session}/why``: its first question."""
        return await self._own_or_404().why(request)

    async def flow_press(self, request: web.Request) -> web.Response:
        """``POST /cancel/flow/{session}``, ``/cancel/flow`` where none could be kept: what is pressed on a screen."""
        return await self._own_or_404().press(request)

    def _own_or_404(self) -> OwnFlowHandlers:
        if self._own is None:
            raise web.HTTPNotFound
        return self._own

    async def result(self, request: web.Request) -> web.Response:
        """``POST /cancel/result``: record what the customer chose; 200 with the outcome, or 202 while it is queued."""
        wants_page = _wants_page(request) and request.content_type == FORM
        came_at = time.monotonic()
        try:
            # Before the body is touched: that of a stranger costs nothing then.
            customer_id = await self.identified(request)
            posted = await read_post(
                request, self._site.vendor, max_bytes=self._site.settings.max_body_bytes
            )
            service = await self._site.service()
            claim = self._declared(request, posted.claim, as_page=wants_page)
            recorded = await service.accept(claim, posted.grant, customer_id)
            answer = await service.wait_for_answer(
                recorded.public_id,
                customer_id,
                topic=recorded.topic,
                known=recorded.answer,
                since=came_at,
            )
            told = await service.told_after(recorded, posted.claim, answer, customer_id)
        except UnidentifiedError as error:
            # Nobody was refused yet: the flow vendor may tell of the same choice.
            if self._site.vendor.reports_sessions and not wants_page:
                error.fate = "may_have_reached_us"
            return await self.refusal(request, error, wants_page=wants_page)
        except (ClaimError, UnavailableError) as error:
            if (
                isinstance(error, MalformedClaimError)
                and self._site.vendor.reports_sessions
                and not wants_page
            ):
                # Nobody could read which flow session it named, and the vendor may tell of that one.
                error.fate = "look_before_again"
            return await self.refusal(request, error, wants_page=wants_page)

        if wants_page:
            return web.Response(
                status=303, headers={**NO_STORE, "Location": self._status_url(recorded.public_id)}
            )
        if answer is None:  # the claim was recorded for this very customer
            raise web.HTTPInternalServerError
        left_s = self._site.settings.wait_within_s - (time.monotonic() - came_at)
        # A vendor's flow session ends once, and keeps its answer.
        is_old = recorded.repeated and claim.flow_session_id is None
        if is_old and await self._is_taken_back(service, customer_id, answer, within_s=left_s):
            # The subscription goes on by now, so that no page may say that it ends.
            answer, message = self._goes_on(request, answer)
            return self._answer(recorded.public_id, answer, told, message, status=200)
        left_s = self._site.settings.wait_within_s - (time.monotonic() - came_at)
        shown = await self._shown_for(service, answer, within_s=left_s)
        left_s = self._site.settings.wait_within_s - (time.monotonic() - came_at)
        follows = await self._letter_that_follows(
            service, recorded.public_id, customer_id, answer, shown, within_s=left_s
        )
        message = message_of(answer, self._words(request), shown, follows)
        return self._answer(
            recorded.public_id, answer, told, message, status=200 if answer.is_settled else 202
        )

    def _declared(self, request: web.Request, claim: FlowClaim, *, as_page: bool) -> FlowClaim:
        """Return the claim with the words that the customer pressed; those of a vendor's form are not ours to quote."""
        words = self._words(request)
        undo = undo_of(claim.status)
        pressed = None
        if as_page and undo is not None:
            pressed = words.text(undo.button)
        elif as_page and claim.status is FlowStatus.CANCELED:
            pressed = words.text("confirm_button")
        return replace(claim, declaration=Declaration(words.language, pressed))

    async def status(self, request: web.Request) -> web.Response:
        """``GET /cancel/status/{claim}``: where a claim stands, for the customer who made it."""
        wants_page = _wants_page(request)
        if wants_page:
            return await self._outcome_of(request, request.match_info["claim"])
        try:
            customer_id = await self.identified(request)
            public_id = _claim_id(request.match_info["claim"])
            service = await self._site.service()
            answer = await service.answer(public_id, customer_id)
            if answer is None:
                raise _unknown_claim()
            told = await service.told(public_id, customer_id)
        except (ClaimError, UnavailableError) as error:
            return await self.refusal(request, error, wants_page=False)

        words = self._words(request)
        if await self._is_taken_back(service, customer_id, answer):
            answer, message = self._goes_on(request, answer)
            return self._answer(public_id, answer, told, message, status=200)
        shown = await self._shown_for(service, answer)
        follows = await self._letter_that_follows(service, public_id, customer_id, answer, shown)
        message = message_of(answer, words, shown, follows)
        return self._answer(public_id, answer, told, message, status=200)

    async def outcome_again(
        self, request: web.Request, claim: str, besides: Shown, status: int
    ) -> web.Response:
        """Return the page of a claim's outcome with what is to be said besides."""
        return await self._outcome_of(request, claim, besides, status)

    async def _outcome_of(
        self, request: web.Request, claim: str, besides: Shown | None = None, status: int = 200
    ) -> web.Response:
        try:
            customer_id = await self.identified(request)
            public_id = _claim_id(claim)
            service = await self._site.service()
            answer = await service.answer(public_id, customer_id)
            if answer is None:
                raise _unknown_claim()
        except (ClaimError, UnavailableError) as error:
            return await self.refusal(request, error, wants_page=True)

        words = self._words(request)
        owned, shown = await self._subject(service, customer_id, answer)
        follows = await self._letter_that_follows(service, public_id, customer_id, answer, shown)
        after = await self._after(words, customer_id, public_id, answer, owned, shown, besides)
        return await self._outcome(
            request, service, words, public_id, answer, owned, shown, follows, after, status
        )

    async def _after(
        self,
        words: Words,
        customer_id: str,
        public_id: uuid.UUID,
        answer: Answer,
        owned: OwnedSubscription | None,
        shown: ShownSubscription | None,
        besides: Shown | None,
    ) -> Mapping[str, Any] | None:
        """Return what the page asks and offers after a declaration to leave; None where that is nothing."""
        if self._own is None or answer.change != "cancellation" or answer.kind == "refused":
            return None
        # Late, like the outcome's page.
        from aiocancel.web.outcome_page import goes_on, may_be_kept
        from aiocancel.web.own_flow.view import AS_IT_IS

        if goes_on(answer, shown):
            return None
        if owned is None and answer.subscription_id is not None:
            try:
                service = await self._site.service()
                owned = await service.find(customer_id, answer.subscription_id)
            except UnavailableError as error:
                self._site.on_event(LookupFailed(str(error)))
        if owned is None:
            return None

        may_resume = self._site.settings.resume_policy != "off"
        # Where Stripe does not tell how the subscription is, nobody knows what would be taken back.
        is_carried_out = shown is not None and may_be_kept(answer, shown, datetime.now(UTC))
        return await self._own.after(
            words,
            owned,
            public_id,
            is_carried_out=is_carried_out and may_resume,
            besides=besides or AS_IT_IS,
        )

    async def _outcome(
        self,
        request: web.Request,
        service: FlowService,
        words: Words,
        public_id: uuid.UUID,
        answer: Answer,
        owned: OwnedSubscription | None,
        shown: ShownSubscription | None,
        follows: Sentence | None,
        after: Mapping[str, Any] | None,
        status: int,
    ) -> web.Response:
        """Show the page of an outcome, and the ways on from there."""
        # Late: an answer brings the core's decisions with it.
        from aiocancel.web.outcome_page import may_be_kept, outcome_page, received_rows

        now = datetime.now(UTC)
        # Not while somebody may be writing on it.
        reloads = not answer.is_settled and not after and _came_within(answer, _REFRESH_FOR, now)
        links = []
        if answer.payment_url is not None:
            links.append({"url": answer.payment_url, "text": words.text("payment_link")})
        if not answer.is_settled and not reloads:
            links.append({"url": self._status_url(public_id), "text": words.text("look_again")})
        if _leaves_open(answer):
            named = (
                "" if owned is None else f"?{urlencode({'subscription': owned.subscription_id})}"
            )
            url = f"{self._site.path}{named}"
            links.append({"url": url, "text": words.text("cancel_button")})
        if answer.change != "nothing":
            url = f"{self._site.path}/acknowledgement/{public_id}"
            links.append({"url": url, "text": words.text("letter_see")})

        told_of = about(owned, shown, now)
        if not await self._is_next_payment_sure(service, answer, owned, told_of):
            told_of = replace(told_of, date=None)
        page = outcome_page(answer, words, shown, told_of.plan, follows)
        may_resume = self._site.settings.resume_policy != "off" and may_be_kept(answer, shown, now)
        return await self._pages.message(
            request,
            words,
            page.text,
            title=page.title,
            badge=page.badge,
            outcome=answer.kind,
            refresh_s=_REFRESH_S if reloads else None,
            links=links,
            about=[*about_rows(told_of, words), *received_rows(answer, public_id, words)],
            changed_mind=answer.subscription_id if may_resume else None,
            follow=after,
            status=status,
        )

    async def _is_next_payment_sure(
        self,
        service: FlowService,
        answer: Answer,
        owned: OwnedSubscription | None,
        told: AboutSubscription,
    ) -> bool:
        """Tell whether the next payment that Stripe names is taken: a pause that was promised leaves it out."""
        # Late, like the outcome's page.
        from aiocancel.core.acknowledgement import pause_begins

        if owned is None or not names_a_payment(told):
            return True
        if pause_begins(answer) is not None:
            return False
        if answer.change not in ("cancellation", "resumption"):
            return True
        return not await self._may_be_left_out(service, owned)

    async def _may_be_left_out(self, service: FlowService, owned: OwnedSubscription) -> bool:
        """Tell whether a change is still to come, such as a pause; also where the database does not say in time."""
        try:
            return await service.has_unfinished(owned.subscription_id)
        except UnavailableError as error:
            self._site.on_event(LookupFailed(str(error)))
            return True

    async def _with_unsure_payments(
        self, choices: Sequence[OwnedSubscription], shown: Sequence[ShownSubscription | None]
    ) -> set[SubscriptionId]:
        """Return the subscriptions of which no page may name the next payment."""
        service, now = await self._site.service(), datetime.now(UTC)
        return {
            owned.subscription_id
            for owned, seen in zip(choices, shown, strict=True)
            if names_a_payment(about(owned, seen, now))
            and await self._may_be_left_out(service, owned)
        }

    async def acknowledgement(self, request: web.Request) -> web.StreamResponse:
        """``GET /cancel/acknowledgement/{claim}``: the page to keep, for the customer or for a letter's signed link.

        ``?key=`` is the link's; ``?save=1`` hands the page out as a file.
        """
        key, words = request.query.get("key"), self._words(request)
        # Late, like the outcome's page.
        from aiocancel.web.acknowledgement import AcknowledgementPage

        page = AcknowledgementPage(self._site)
        try:
            claim_id = _claim_id(request.match_info["claim"])
            if key is not None:
                service = await self._site.service()
                one: WrittenLetter | None = await page.of_link(service, claim_id, key)
            else:
                customer_id = await self.identified(request)
                service = await self._site.service()
                one = await page.of_customer(service, claim_id, customer_id, words)
        except (ClaimError, UnavailableError) as error:
            return await self.refusal(request, error, wants_page=True)

        if one is None:
            return web.Response(
                status=303, headers={**NO_STORE, "Location": self._status_url(claim_id)}
            )
        if request.query.get("save") is not None:
            return page.save(one)
        return await page.show(request, words, one, as_guest=key is not None)

    async def _subject(
        self,
        service: FlowService,
        customer_id: str,
        answer: Answer,
        *,
        within_s: float | None = None,
    ) -> tuple[OwnedSubscription | None, ShownSubscription | None]:
        """Return the subscription that a settled answer speaks of; nothing where it cannot be looked up."""
        if not answer.is_settled or answer.subscription_id is None:
            return None, None
        try:
            owned = await service.find(customer_id, answer.subscription_id)
        except UnavailableError as error:
            # The answer itself is known, and is what the customer wants to read.
            self._site.on_event(LookupFailed(str(error)))
            owned = None

        if owned is None:
            # It may be another customer's by now.
            return None, None
        shown = await service.shown(
            answer.subscription_id, holds=answer.is_seen_in, within_s=within_s
        )
        return owned, shown

    def _goes_on(self, request: web.Request, answer: Answer) -> tuple[Answer, str]:
        """Return the answer to a cancellation that was taken back since: its date holds no more."""
        return replace(answer, effective_at=None), self._words(request).text("resumed")

    async def _is_taken_back(
        self,
        service: FlowService,
        customer_id: str,
        answer: Answer,
        *,
        within_s: float | None = None,
    ) -> bool:
        """Ask Stripe whether a subscription that was to end goes on after all."""
        if (answer.kind, answer.change) != ("scheduled", "cancellation"):
            return False
        if within_s is not None and within_s <= 0:
            return False
        # Late, like the outcome's page.
        from aiocancel.web.outcome_page import goes_on

        _, shown = await self._subject(service, customer_id, answer, within_s=within_s)
        return goes_on(answer, shown)

    async def payload(self, request: web.Request) -> web.Response:
        """``GET /cancel/payload``: a signed payload and a grant for the customer who is logged in.

        ``?subscription=`` names one of the customer's own subscriptions.
        """
        try:
            flow = await self.resolved_one(request, may_refuse=True)
        except (ClaimError, UnavailableError) as error:
            return await self.refusal(request, error, wants_page=False)

        data = flow_data(flow.sealed) if flow.sealed else None
        return web.json_response(
            {"state": flow.state, "flow": data}, headers={**NO_STORE, "Vary": "Cookie"}
        )

    async def subscription(self, request: web.Request) -> web.Response:
        """``GET /cancel/subscription``: ``{"subscriptionId": …}`` of the customer, null where there is none."""
        try:
            flow = await self.resolved_one(request, may_refuse=True)
        except (ClaimError, UnavailableError) as error:
            return await self.refusal(request, error, wants_page=False)

        owned = flow.subscription
        return web.json_response(
            {"subscriptionId": None if owned is None else owned.subscription_id},
            headers={**NO_STORE, "Vary": "Cookie"},
        )

    async def plain(self, request: web.Request) -> web.Response:
        """``GET /cancel``: the way to cancel without any script and without the vendor.

        ``?change=resume``, ``unpause``, ``remove_discount`` and ``keep_plan`` take something back.
        ``?subscription=`` names one of the customer's own subscriptions; a customer with several is asked which.
        """
        change = request.query.get("change")
        undo = None if change is None else undo_named(change)
        try:
            if change is not None and undo is None:
                raise ClaimError("There is no such ?change=.", code=Code.MALFORMED, status=400)
            flow = await self._resolved(request)
            choices = await self._choices(request, flow)
        except (ClaimError, UnavailableError) as error:
            return await self.refusal(request, error, wants_page=True)

        words = self._words(request)
        if flow.state is FlowState.SEVERAL:
            all_shown = await self._all_shown(choices)
            unsure = await self._with_unsure_payments(choices, all_shown)
            return await self._pages.which(request, words, choices, all_shown, undo, unsure=unsure)
        owned = flow.subscription
        if flow.sealed is None or owned is None:
            return await self._pages.message(
                request, words, words.text("no_subscription"), outcome=FlowState.NO_SUBSCRIPTION
            )

        try:
            if undo is None and self._own is not None:
                return await self._own.opened(request, words, owned, flow.sealed.grant)
            service = await self._site.service()
            shown = await service.shown(owned.subscription_id)
            # What was promised, or is being carried out, can be taken back before Stripe shows it.
            waits = (
                undo is not None
                and shown is not None
                and await service.has_unfinished(owned.subscription_id)
            )
            page = self._page(owned, shown, undo, waits=waits)
        except UnavailableError as error:
            return await self.refusal(request, error, wants_page=True)

        named = request.query.get("subscription")
        if page.nothing_to is not None:
            return await self._pages.nothing(
                request, words, page, owned=owned, shown=shown, named=named
            )
        price: Mapping[str, Sequence[Any]] = {}
        unsure = {owned.subscription_id} if waits else set()
        if undo is None:
            unsure = await self._with_unsure_payments([owned], [shown])
        # A pause that was promised changes the payments of a subscription that goes on.
        is_sure = undo is not None and not (waits and undo.name == "resume")
        if undo is not None and self._own is not None and shown is not None and is_sure:
            plan = about(owned, shown, datetime.now(UTC)).plan
            price = await self._own.price_of_undo(owned, undo, words, plan)
        return await self._pages.ask(
            request,
            words,
            page,
            unsure=unsure,
            price=price,
            grant=flow.sealed.grant,
            undo=undo,
            owned=owned,
            shown=shown,
            named=named,
        )

    def _page(
        self,
        owned: OwnedSubscription,
        shown: ShownSubscription | None,
        undo: Undo | None,
        *,
        waits: bool,
    ) -> PlainPage:
        if undo is None:
            timing = self._site.settings.cancel_timing
            return cancel_page(owned, shown, timing, datetime.now(UTC))
        return undo_page(undo, None if waits else shown)

    async def _choices(
        self, request: web.Request, flow: FlowContext
    ) -> Sequence[OwnedSubscription]:
        if flow.state is not FlowState.SEVERAL:
            return ()
        service = await self._site.service()
        return await service.find_all(await self.identified(request))

    async def _all_shown(
        self, choices: Sequence[OwnedSubscription]
    ) -> list[ShownSubscription | None]:
        service = await self._site.service()
        asked = (service.shown(each.subscription_id) for each in choices[:_MOST_SHOWN])
        shown: list[ShownSubscription | None] = await asyncio.gather(*asked)
        return [*shown, *[None] * (len(choices) - len(shown))]

    async def webhook(self, request: web.Request) -> web.Response:
        """``POST /cancel/webhook/{token}``: the flow vendor's doorbell; 204 as soon as the event's id is stored."""
        given = request.match_info.get("token", "").encode("utf-8", "replace")
        tokens = self._site.vendor.webhook_tokens
        if not any(hmac.compare_digest(given, token.encode()) for token in tokens):
            raise web.HTTPNotFound

        try:
            # A sender that knows the token may pack what it posts: how ProsperStack posts is not written down.
            body = await read_body(request, self._site.settings.max_body_bytes, may_be_packed=True)
            await (await self._site.service()).ring(self._site.vendor.read_webhook(body))
        except (ClaimError, UnavailableError) as error:
            return await self.refusal(request, error, wants_page=False)

        return web.Response(status=204, headers=NO_STORE)

    async def stripe(self, request: web.Request) -> web.Response:
        """``POST /cancel/stripe``: Stripe's doorbell; 200 as soon as the event is stored, or need not be.

        An event that Stripe signed and that is none of ours is a 200 as well: Stripe repeats a refused one for three
        days, and then turns the endpoint off.
        """
        posts = self._site.stripe_posts
        if posts is None:
            raise web.HTTPNotFound

        try:
            signature = request.headers.get("Stripe-Signature")
            if not signature:
                # Before the body is touched: that of a stranger costs nothing then.
                raise MalformedClaimError(
                    "The header Stripe-Signature is missing.", code=Code.SIGNATURE_IS_MISSING
                )
            body = await read_body(request, self._site.settings.max_body_bytes)
            event = await posts.open(body, signature)
            ignored = posts.why_not_ours(event)
            is_new = False
            if ignored is None:
                is_new = await (await self._site.service()).ring_stripe(event)
        except (ClaimError, UnavailableError) as error:
            return await self.refusal(request, error, wants_page=False)

        if ignored is not None:
            self._site.on_event(ClaimRefused(ignored))
        return web.json_response({"new": is_new, "ignored": ignored}, headers=NO_STORE)

    async def script(self, request: web.Request) -> web.Response:
        """``GET /cancel/flow.js``: the page script; its URL changes with its content."""
        # While two releases run side by side, one is asked for the other's script: not to be kept for ever.
        asked = request.query.get("v")
        scripts = self._site.scripts
        known = next((each for each in scripts.values() if each.version == asked), None)
        cache = "no-cache" if known is None else "public, max-age=31536000, immutable"

        script = known or scripts[self._words(request).language]
        return web.Response(
            body=script.body,
            content_type="text/javascript",
            charset="utf-8",
            headers={
                "Cache-Control": cache,
                "X-Content-Type-Options": "nosniff",
                **({"Vary": "Accept-Language"} if known is None and len(scripts) > 1 else {}),
            },
        )

    async def style(self, request: web.Request) -> web.Response:
        """``GET /cancel/style.css``: the look of our own pages, for a site that dresses them itself.

        ``?for=dialog`` is that of our own flow over a page of the site.
        """
        is_dialog = request.query.get("for") == "dialog"
        url = self._site.dialog_style_url if is_dialog else self._site.style_url
        is_this_version = request.query.get("v") == url.rpartition("=")[2]
        cache = "public, max-age=31536000, immutable" if is_this_version else "no-cache"
        return web.Response(
            body=self._site.dialog_style if is_dialog else self._site.style,
            content_type="text/css",
            charset="utf-8",
            headers={"Cache-Control": cache, "X-Content-Type-Options": "nosniff"},
        )

    async def _resolved(self, request: web.Request, *, may_refuse: bool = False) -> FlowContext:
        # Handlers may be mounted without the middleware.
        flow = request.get(FLOW_KEY)
        if flow is None or flow.site is not self._site:
            flow = FlowContext(self._site, request)
        named = request.query.get("subscription")
        if named is not None:
            flow = flow.about(named)
        await flow.resolve(may_refuse=may_refuse)

        if flow.state is FlowState.ANONYMOUS:
            raise UnidentifiedError("Nobody is logged in.")
        if flow.state is FlowState.UNAVAILABLE:
            raise flow.problem
        if named is not None and flow.state is FlowState.NO_SUBSCRIPTION:
            # The same answer whether another customer has it or nobody.
            raise ClaimError(
                "This customer has no subscription of that id.",
                code=Code.UNKNOWN_SUBSCRIPTION,
                status=404,
            )
        return flow

    async def resolved_one(self, request: web.Request, *, may_refuse: bool = False) -> FlowContext:
        """Return the request's flow, about one subscription; raises ClaimError and UnavailableError."""
        flow = await self._resolved(request, may_refuse=may_refuse)
        if flow.state is FlowState.SEVERAL:
            raise ClaimError(
                "The customer has several subscriptions: name one with ?subscription=.",
                code=Code.WHICH_SUBSCRIPTION,
                status=409,
            )
        return flow

    async def identified(self, request: web.Request) -> str:
        """Return who is logged in; raises UnidentifiedError."""
        customer_id = await self._site.customer_id(request)
        if customer_id is None:
            raise UnidentifiedError("Nobody is logged in.")
        return customer_id

    async def _shown_for(
        self, service: FlowService, answer: Answer, *, within_s: float | None = None
    ) -> ShownSubscription | None:
        """Ask Stripe what an offer that has been carried out looks like; None for every other answer."""
        if answer.given is None or answer.kind not in ("done", "scheduled"):
            return None
        if within_s is not None and within_s <= 0:
            return None
        holds = answer.is_seen_in if answer.kind == "done" else None
        return await service.shown(answer.given.subscription_id, holds=holds, within_s=within_s)

    async def _letter_that_follows(
        self,
        service: FlowService,
        public_id: uuid.UUID,
        customer_id: str,
        answer: Answer,
        shown: ShownSubscription | None,
        *,
        within_s: float | None = None,
    ) -> Sentence | None:
        """Say which letter comes; None where none does for certain, or nobody could tell in time."""
        # Late, like the outcome's page.
        from aiocancel.core.acknowledgement import announced

        follows = announced(answer, shown, datetime.now(UTC))
        if follows is None or (within_s is not None and within_s <= 0):
            return None
        subscription_id = answer.subscription_id
        writes = await service.letters.will_come(
            public_id, customer_id, subscription_id, within_s=within_s
        )
        return follows if writes else None

    def _answer(
        self, public_id: uuid.UUID, answer: Answer, told: Told | None, message: str, *, status: int
    ) -> web.Response:
        url = self._status_url(public_id)
        details = None if told is None else told.details
        body = {
            "claim": str(public_id),
            "status": None if told is None else told.status,
            "flow": None if details is None else details_to_json(details),
            "outcome": answer.kind,
            "change": answer.change,
            "effective_at": _iso(answer.effective_at),
            "payment_url": answer.payment_url,
            "settled": answer.is_settled,
            "message": message,
            "status_url": url,
        }

        headers: Mapping[str, str] = (
            NO_STORE if status == 200 else {**NO_STORE, "Location": url, "Retry-After": "1"}
        )

        return web.json_response(body, status=status, headers=headers)

    async def refusal(
        self, request: web.Request, error: ClaimError | UnavailableError, *, wants_page: bool
    ) -> web.Response:
        """Return the answer to an error, as a page or as JSON."""
        words = self._words(request)
        refusal = refusal_of(error, words)
        self._site.on_event(ClaimRefused(refusal.code))

        headers: dict[str, str] = {**NO_STORE}
        if refusal.retry_after_s is not None:
            headers["Retry-After"] = str(refusal.retry_after_s)
        if not wants_page:
            body = {"error": refusal.code, "reason": refusal.reason, "message": refusal.message}
            return web.json_response(body, status=refusal.status, headers=headers)

        links: list[Mapping[str, str]] = []
        message = refusal.message
        if refusal.code == Code.NOT_LOGGED_IN:
            # Starting again would only lead back here.
            links, back = self._login_links(request, words)
            message = f"{message} {back}".strip()
        elif refusal.status != 401 and refusal.code not in _NO_NEW_START:
            links = [{"url": self._site.path, "text": words.text("again_link")}]

        response = await self._pages.message(
            request,
            words,
            message,
            title=words.text(TITLES.get(refusal.code, "outcome_title")),
            outcome=refusal.code,
            status=refusal.status,
            links=links,
        )
        response.headers.update(headers)
        return response

    def _login_links(
        self, request: web.Request, words: Words
    ) -> tuple[list[Mapping[str, str]], str]:
        """Return where a stranger can go, and what comes after the login."""
        links: list[Mapping[str, str]] = []
        back = ""
        if self._site.settings.log_in_at:
            page = quote(self._page_of(request), safe="")
            url = self._site.settings.log_in_at.replace(PAGE_FIELD, page)
            links.append({"url": url, "text": words.text("log_in_link")})
            back = words.text("flow_log_in_back")
        if self._site.has_public_exit:
            links.append({"url": f"{self._site.path}/public", "text": CONTRACTS_BUTTON})
        return links, back

    def _page_of(self, request: web.Request) -> str:
        """Return the address of the page that a request is from, or of the first one where it cannot be shown again."""
        path = self._site.path
        own = f"{self._site.settings.public_prefix}{request.rel_url.raw_path_qs}"
        is_screen = request.match_info.get("session") is not None
        is_shown = request.method == "GET" or is_screen
        return own if is_shown and own.startswith((f"{path}/", f"{path}?")) else path

    def _words(self, request: web.Request) -> Words:
        return self._site.languages.of(request)

    def _status_url(self, public_id: uuid.UUID) -> str:
        return f"{self._site.path}/status/{public_id}"


def _leaves_open(answer: Answer) -> bool:
    """Tell whether the customer may want to leave now: nothing was cancelled, and a choice did not come about."""
    if answer.change == "offer":
        return answer.kind in ("manual", "refused")
    return answer.change == "cancellation" and answer.kind == "refused"


def _came_within(answer: Answer, time: timedelta, now: datetime) -> bool:
    # Whichever of two machines' clocks is behind.
    return answer.received_at is not None and abs(now - answer.received_at) < time


def _wants_page(request: web.Request) -> bool:
    return "text/html" in request.headers.get("Accept", "").lower()


def _claim_id(text: str) -> uuid.UUID:
    try:
        return uuid.UUID(text)
    except ValueError:
        raise _unknown_claim() from None


def _unknown_claim() -> ClaimError:
    return ClaimError("This customer has no claim of that id.", code=Code.UNKNOWN_CLAIM, status=404)


def _iso(moment: datetime | None) -> str | None:
    if moment is None:
        return None
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
