"""The customer's steps through our own flow: a session is opened, moved and ended, and a choice becomes a claim."""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import uuid
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final

from aiocancel.billing.preview import OfferShown, OffersOnScreen, Reading, reading_to_json
from aiocancel.config import Settings, catalogue_of
from aiocancel.core.claim import OWN_FLOW, FlowClaim, FlowStatus
from aiocancel.core.codes import Code
from aiocancel.core.flow.answers import NO_ANSWERS, Answers
from aiocancel.core.flow.definition import FlowDefinition
from aiocancel.core.flow.eligibility import Considered, consider, may_ask
from aiocancel.core.flow.hold_out import is_held_out
from aiocancel.core.flow.price_effect import PriceEffect
from aiocancel.core.flow.promise import is_past
from aiocancel.core.flow.reason_order import reasons_in_order
from aiocancel.core.flow.rules import declaration, wait_for_the_declaration
from aiocancel.core.flow.screen import Screen, Situation
from aiocancel.core.flow.snapshot import History, Snapshot, snapshot_of, snapshot_to_json
from aiocancel.core.flow.steps import (
    AnswersGiven,
    ExitPressed,
    FlowEvent,
    FlowProgress,
    FlowStep,
    FlowStepError,
    OfferAccepted,
    OfferDeclined,
    PermissionAnswered,
    SessionState,
    advance,
    begin,
    begin_after,
    progress_to_json,
)
from aiocancel.core.identifiers import FlowSessionId
from aiocancel.core.offers.terms import breach, name_of
from aiocancel.core.subscription import OwnedSubscription
from aiocancel.core.undo import OwnCancellation, Undo, yields_to_an_offer
from aiocancel.errors import ConflictError, UnavailableError
from aiocancel.intake import FlowService
from aiocancel.own_flow.claim_parts import claim_details, claim_reason, shown_terms
from aiocancel.own_flow.inputs import Declare, FlowBounds, RequestFacts
from aiocancel.own_flow.screens import Screens
from aiocancel.own_flow.stored_sessions import (
    OwnSession,
    StoredSessions,
    after_move,
    answers_to_json,
    considered_to_json,
    fitted,
    reason_told,
)
from aiocancel.own_flow.stripe_reading import STRIPE_WITHIN_S, StripeReading
from aiocancel.ports import FlowReader
from aiocancel.postgres.claims import RecordedClaim
from aiocancel.postgres.flow_sessions import (
    Acceptance,
    Before,
    FlowSessions,
    Followed,
    Move,
    NewSession,
)
from aiocancel.telemetry import EventHook, LookupFailed, guarded, type_and_place
from aiocancel.vendors.own import OwnFlow

logger = logging.getLogger("aiocancel")

_NOTED_WITHIN_S: Final = 5.0
# How long the page of an outcome waits for that.
_FOLLOWS_WITHIN_S: Final = 0.5


class OwnFlowService:
    """Opens flow sessions, moves them, and records what customers choose in them.

    Args:
        flow: As the owner defined it.
        service: Records claims.
        sessions: The rows.
        reader: Reads Stripe for screens.
        settings: The plug-in's.
        bounds: The owner's settings outside the flow.
        on_event: Is told of what was missing.
        now: Aware.
    """

    def __init__(
        self,
        flow: OwnFlow,
        service: FlowService,
        sessions: FlowSessions,
        reader: FlowReader,
        *,
        settings: Settings,
        bounds: FlowBounds,
        on_event: EventHook,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._flow = flow
        self._service = service
        self._sessions = sessions
        self._settings = settings
        self._bounds = bounds
        self._on_event = guarded(on_event)
        self._now = now

        self._offers = OffersOnScreen(reader, bounds.offers, within_s=STRIPE_WITHIN_S)
        self._stripe = StripeReading(
            reader,
            flow,
            self._offers,
            account_column=bounds.account_column,
            on_event=self._on_event,
            now=now,
        )
        self._stored = StoredSessions(
            sessions,
            flow.definition,
            within_s=settings.lookup_within_s,
            on_event=self._on_event,
        )
        self._screens = Screens(self._offers, self._stripe, bounds, on_event=self._on_event)
        self._noting: set[asyncio.Task[None]] = set()

    # --- screens ---------------------------------------------------------------------------------------------

    async def open(self, owned: OwnedSubscription, facts: RequestFacts) -> Screen:
        """Begin a session, or go on with the one that is open; where none can be kept, the exit is all there is.

        Args:
            owned: The customer's own subscription.
            facts: What the request tells.
        """
        try:
            before = await self._stored.asked(
                self._sessions.look(owned.customer_id, owned.subscription_id)
            )
            running = None
            if before.open_session is not None:
                running = await self.screen(owned.customer_id, before.open_session, owned)
        except (UnavailableError, FlowStepError) as error:
            self._on_event(LookupFailed(reason_told(error)))
            return self._screens.bare(owned, await self._stripe.read(owned), facts)

        # Also for a customer who comes back: the subscription may have ended since the session began.
        reading = await self._stripe.read(owned, with_plans=running is None)
        shown = None if reading is None else reading.shown
        has_ended = shown is not None and shown.subscription.has_ended
        will_end = (
            shown is not None
            and shown.subscription.is_ending
            and self._bounds.timing == "at_period_end"
        )
        if will_end and not has_ended and before.is_coming_back:
            return self._screens.bare_as_it_goes_on(owned, reading, facts)
        if has_ended or will_end:
            by = before.canceled_by
            return replace(
                self._screens.bare(owned, reading, facts), claim_id=None if by is None else str(by)
            )
        if running is not None:
            return running
        return await self._begin(owned, facts, before, reading)

    async def exit_alone(self, owned: OwnedSubscription, facts: RequestFacts) -> Screen:
        """Return the screen of a customer who has pressed the exit and has no session: the exit, once more.

        Args:
            owned: The customer's own subscription.
            facts: What the request tells.
        """
        reading = await self._stripe.read(owned, with_plans=False)
        screen = self._screens.bare(owned, reading, facts)
        if screen.facts.situation is not Situation.ALREADY_ENDING:
            return screen

        try:
            before = await self._stored.asked(
                self._sessions.look(owned.customer_id, owned.subscription_id)
            )
        except UnavailableError as error:
            self._on_event(LookupFailed(reason_told(error)))
            return screen
        if before.is_coming_back:
            return self._screens.bare_as_it_goes_on(owned, reading, facts)
        return screen

    async def screen(
        self, customer_id: str, session_id: str, owned: OwnedSubscription | None = None
    ) -> Screen:
        """Return where a customer's own session stands.

        Args:
            customer_id: The customer who is logged in.
            session_id: The session.
            owned: The subscription that the page's grant is for; None where no page is drawn.

        Raises:
            FlowStepError: There is none of that id, it is another customer's, it is about another subscription and
                not over, or another release stored it in another shape.
            UnavailableError: The database did not answer.
        """
        session = await self._stored.read(customer_id, session_id)
        screen = self._screens.of(session)
        # The exit of a screen ends the subscription that its grant is for: both must be about one.
        is_another = owned is not None and owned.subscription_id != session.row.subscription_id
        if is_another and screen.step is not FlowStep.OUTCOME:
            raise FlowStepError("This attempt is about another subscription.")
        if owned is None or is_another or not session.has_lost_its_reading:
            return screen
        reading = await self._stripe.read(owned, with_plans=False)
        return replace(screen, facts=self._screens.facts(reading, owned))

    async def answer(self, customer_id: str, session_id: str, answers: Answers) -> Screen:
        """Take the customer's answers, and return the next screen; raises as ``screen`` does."""
        return await self._step(customer_id, session_id, AnswersGiven(answers))

    async def permit(self, customer_id: str, session_id: str, *, allowed: bool) -> Screen:
        """Take whether an offer may be shown, and return the next screen; raises as ``screen`` does."""
        return await self._step(customer_id, session_id, PermissionAnswered(allowed))

    async def decline(self, customer_id: str, session_id: str, offer: str) -> Screen:
        """Take that the offer on the screen is not wanted, and return the next; raises as ``screen`` does."""
        return await self._step(customer_id, session_id, OfferDeclined(offer))

    # --- after a declaration to leave ------------------------------------------------------------------------

    @property
    def follows_declarations(self) -> bool:
        """Whether a rule keeps something back until a customer has declared to leave."""
        rules = (*self._flow.definition.rules, *self._bounds.offers.place_rules)
        return any(rule.unless == declaration for rule in rules)

    async def after(
        self, owned: OwnedSubscription, claim_id: uuid.UUID, *, is_carried_out: bool
    ) -> Screen | None:
        """Return what the page of a cancellation's outcome asks and offers; None where that is nothing. Never raises.

        Args:
            owned: The customer's own subscription, about which the cancellation is.
            claim_id: The cancellation.
            is_carried_out: Whether Stripe has it, and its customer may take it back; before, nothing is offered.
        """
        if not self.follows_declarations:
            return None
        try:
            found = await self._stored.asked(self._sessions.followed(claim_id, owned.customer_id))
            if found is None or not found.is_newest:
                return None
            session = await self._session_after(owned, claim_id, found)
            if session is None or session.progress.state is not SessionState.OPEN:
                return None

            is_judged = session.row.considered or not session.definition.offers
            # An offer beside a change that nobody has confirmed yet would be left to a person.
            if is_carried_out and not is_judged and not found.has_unfinished:
                session = await self._offer_after(owned, session)
            return self._screens.of(session)
        except Exception as error:
            # The outcome itself is known, and is what the customer wants to read.
            self._on_event(LookupFailed(reason_told(error)))
            return None

    async def _session_after(
        self, owned: OwnedSubscription, claim_id: uuid.UUID, found: Followed
    ) -> OwnSession | None:
        """Return the session that follows a declaration, and begin it where there is none."""
        customer_id = owned.customer_id
        if found.after is not None:
            return await self._stored.read(customer_id, found.after)

        before = await self._stored.read(customer_id, found.before)
        if before.row.state == "open" and self._noting:
            await asyncio.wait(self._noting, timeout=_FOLLOWS_WITHIN_S)
            before = await self._stored.read(customer_id, found.before)
        if before.row.state == "open":
            # Its answers and its declined offers are still being noted: the next look begins what follows.
            return None

        place_rules = self._bounds.offers.place_rules
        rules = (*before.definition.rules, *place_rules)
        waits = wait_for_the_declaration(rules, before.snapshot)
        if not waits or not found.is_recent or before.progress.state is SessionState.ACCEPTED:
            return None

        session_id = str(uuid.uuid4())
        asks = may_ask(before.definition, before.snapshot, place_rules, declared=True)
        drawn = reasons_in_order(before.definition.reasons, session_id) if asks else ()
        progress = progress_to_json(begin_after(before.progress))
        reasons = [each.key for each in drawn]
        is_first = await self._stored.asked(
            self._sessions.follow(found.before, customer_id, session_id, reasons, progress)
        )
        if not is_first:
            # Another tab was faster, or another attempt goes on.
            now = await self._stored.asked(self._sessions.followed(claim_id, customer_id))
            if now is None or now.after is None:
                return None
            session_id = now.after
        return await self._stored.read(customer_id, session_id)

    async def _offer_after(self, owned: OwnedSubscription, session: OwnSession) -> OwnSession:
        """Judge once, as Stripe has the subscription now, what may be offered after the declaration."""
        reading = await self._stripe.read(owned, with_plans=False)
        session = replace(session, reading=reading)
        considered = self._considered(session, session.progress)
        if reading is not None:
            own = await self._stored.asked(self._service.own_cancellation(owned.subscription_id))
            if not self._yields(reading, own):
                considered = considered.all_left_out(Code.SUBSCRIPTION_IS_ENDING)

        event = AnswersGiven(session.progress.answers)
        after, considered, shows = await self._shown_next(session, event, considered)
        stripe = None if reading is None else reading_to_json(reading)
        return await self._moved(session, after, considered, shows, stripe=stripe)

    def _yields(self, reading: Reading, own: OwnCancellation | None) -> bool:
        return yields_to_an_offer(
            self._settings.resume_policy,
            reading.shown.subscription,
            own,
            is_simulated=self._bounds.is_simulated,
        )

    # --- ends ------------------------------------------------------------------------------------------------

    async def accept(
        self,
        customer_id: str,
        session_id: str,
        offer: str,
        months: int | None,
        grant: str,
        *,
        declare: Declare | None = None,
    ) -> RecordedClaim:
        """Record that the customer takes the offer on the screen; it pays once, for ever.

        Args:
            customer_id: The customer who is logged in.
            session_id: The session that showed the offer.
            offer: The offer's key.
            months: The choice in a pause, None for every other kind.
            grant: That of the page.
            declare: Says what was read and pressed.

        Raises:
            FlowStepError: The session showed no such offer, or none any more.
            GrantError: The grant does not fit.
            ConflictError: The session, or the grant, was used for something else.
            LimitError: Too much of the customer is unfinished.
            UnavailableError: The database did not answer; the same may be sent again.
        """
        session = await self._stored.read(customer_id, session_id)
        choice = OfferAccepted(offer, months)
        after = advance(session.definition, session.progress, session.considered.fitting, choice)
        terms = shown_terms(session.row, offer, months)
        is_open, now = (
            session.progress.state is SessionState.OPEN,
            self._stripe.time(session.reading),
        )
        if is_open and (is_past(terms, now) or breach(terms, self._bounds.offers.limits)):
            raise FlowStepError("This offer is no longer made.", code=Code.OFFER_NO_LONGER_FITS)

        claim = FlowClaim(
            OWN_FLOW,
            FlowStatus.SAVED,
            FlowSessionId(session_id),
            claim_reason(session.definition, session.progress.answers, session.row.language),
            offer_id=offer,
            offer_type=name_of(terms.terms),
            details=claim_details(session.definition, after, session.row.language),
            declaration=self._screens.declared(
                declare, session, session.row.language, months, only=offer
            ),
        )
        acceptance = Acceptance(FlowSessionId(session_id), offer, months, progress_to_json(after))
        return await self._service.accept(claim, grant, customer_id, acceptance=acceptance)

    async def cancel(
        self,
        customer_id: str,
        session_id: str | None,
        grant: str,
        answers: Answers = NO_ANSWERS,
        *,
        language: str | None = None,
        declare: Declare | None = None,
    ) -> RecordedClaim:
        """Record a cancellation, whatever became of the session, of Stripe or of the definition.

        Args:
            customer_id: The customer who is logged in.
            session_id: As the browser sent it; one that is unknown or over changes nothing.
            grant: That of the page.
            answers: What stood on the screen.
            language: Of the page, where there is no session.
            declare: Says what was read and pressed.

        Raises:
            GrantError: The grant does not fit.
            LimitError: Too much of the customer is unfinished.
            UnavailableError: The database did not answer; the same may be sent again.
        """
        session = (
            None
            if session_id is None
            else await self._stored.read_for_the_exit(customer_id, session_id)
        )
        if session is not None and self._service.names(grant) != session.row.subscription_id:
            # The grant says which subscription ends. A session about another one has no part in that.
            session = None
        definition = self._flow.definition if session is None else session.definition
        before = FlowProgress() if session is None else session.progress
        fitting = Considered().fitting if session is None else session.considered.fitting
        after = advance(definition, before, fitting, ExitPressed(answers))
        if session is not None:
            language = session.row.language

        claim = FlowClaim(
            OWN_FLOW,
            FlowStatus.CANCELED,
            None if session is None else FlowSessionId(session.row.session_id),
            claim_reason(definition, after.answers, language),
            details=claim_details(definition, after, language),
            declaration=self._screens.declared(declare, session, language),
        )
        try:
            recorded = await self._service.accept(claim, grant, customer_id)
        except ConflictError:
            # The page or the session has led to something else before. The customer may leave all the same.
            claim = replace(claim, flow_session_id=None)
            recorded = await self._service.accept(claim, grant, customer_id, is_another=True)
        if session is not None:
            self._note_soon(session, after, is_its_own=claim.flow_session_id is not None)
        return recorded

    async def close(self) -> None:
        """Wait for what is still being noted."""
        if self._noting:
            await asyncio.wait(self._noting, timeout=_NOTED_WITHIN_S)

    # --- taking something back -------------------------------------------------------------------------------

    async def price_of_undo(self, owned: OwnedSubscription, undo: Undo) -> PriceEffect | None:
        """Return what going on costs once this is taken back; None where that is not certain, or Stripe is slow.

        Args:
            owned: The customer's own subscription.
            undo: A cancellation or a pause; everything else has no price.
        """
        return await self._stripe.price_of_undo(owned, undo)

    # --- inside ----------------------------------------------------------------------------------------------

    async def _begin(
        self,
        owned: OwnedSubscription,
        facts: RequestFacts,
        before: Before,
        reading: Reading | None,
    ) -> Screen:
        gifts = before.gifts
        history = History(len(gifts), len(before.cancellations), gifts[-1] if gifts else None)
        definition, shown = self._flow.definition, None if reading is None else reading.shown
        column = self._flow.country_column
        country = None if column is None else owned.record.get(column)
        snapshot = snapshot_of(
            shown,
            owned,
            now=self._now(),
            columns=definition.columns,
            country=country if isinstance(country, str) else None,
            place=facts.place,
            language=facts.language,
            history=history,
        )
        held_out = is_held_out(
            self._bounds.hold_out_key, owned.subscription_id, definition.hold_out_percent
        )
        progress = begin(may_ask=may_ask(definition, snapshot, self._bounds.offers.place_rules))
        considered = self._consider(definition, snapshot, reading, progress, held_out=held_out)
        if before.has_unfinished:
            # An offer beside a change that nobody has confirmed yet would be left to a person, and beside a pause
            # that was promised its price would leave that pause out.
            considered = considered.all_left_out(Code.GIVEN_RECENTLY)

        session_id = str(uuid.uuid4())
        words = {
            **(catalogue_of(facts.language) or {}),
            **self._settings.own_texts(facts.language),
        }
        new = NewSession(
            customer_id=owned.customer_id,
            subscription_id=owned.subscription_id,
            mode=self._settings.mode,
            definition_version=definition.version,
            definition=definition.to_json(),
            language=facts.language,
            place=facts.place,
            snapshot=snapshot_to_json(snapshot),
            stripe=None if reading is None else reading_to_json(reading),
            reasons=[
                # A reason that may not be asked for is none that the session showed.
                each.key
                for each in reasons_in_order(definition.reasons, session_id)
                if progress.step is FlowStep.WHY
            ],
            progress=progress_to_json(progress),
            considered=considered_to_json(considered),
            hold_out=held_out,
            fitted=None,
            words_hash=_hash_of(words),
            words=words,
        )
        try:
            is_first = await self._stored.asked(self._sessions.open(session_id, new))
            if not is_first:
                # Another tab was faster: both go on with its session.
                now = await self._stored.asked(
                    self._sessions.look(owned.customer_id, owned.subscription_id)
                )
                session_id = now.open_session or session_id
                return await self.screen(owned.customer_id, session_id, owned)
        except (UnavailableError, FlowStepError) as error:
            self._on_event(LookupFailed(reason_told(error)))
            return self._screens.bare(owned, reading, facts)

        return Screen(
            session_id,
            progress.step,
            progress.state,
            self._screens.facts(reading, owned),
            reasons=reasons_in_order(definition.reasons, session_id),
            language=facts.language,
        )

    async def _step(self, customer_id: str, session_id: str, event: FlowEvent) -> Screen:
        """Do one step, and where another request was faster, look at what that one did."""
        session = await self._stored.read(customer_id, session_id)
        answers = event.answers if isinstance(event, AnswersGiven) else session.progress.answers
        asked = replace(session.progress, answers=answers.cleaned())
        if isinstance(event, PermissionAnswered):
            asked = replace(asked, permission=event.allowed)

        considered = self._considered(session, asked)
        if session.row.is_after and not session.row.considered:
            # The page of the outcome offers once the cancellation is carried out.
            considered = Considered()

        after, considered, shows = await self._shown_next(session, event, considered)
        if after == session.progress:
            return self._screens.of(session)
        return self._screens.of(await self._moved(session, after, considered, shows))

    def _considered(self, session: OwnSession, progress: FlowProgress) -> Considered:
        """Judge the offers of a session as it would be with this progress."""
        considered = self._consider(
            session.definition,
            session.snapshot,
            session.reading,
            progress,
            held_out=session.row.hold_out,
            declared=session.row.is_after,
        )

        for code in (Code.GIVEN_RECENTLY, Code.SUBSCRIPTION_IS_ENDING):
            if session.considered.is_all(code):
                # It began so, and a session is too short for that to change.
                considered = considered.all_left_out(code)
        return considered

    async def _moved(
        self,
        session: OwnSession,
        after: FlowProgress,
        considered: Considered,
        shows: OfferShown | None,
        *,
        stripe: Mapping[str, Any] | None = None,
    ) -> OwnSession:
        """Store a step, and return the session as it is then; where another request was faster, as that one left it."""
        move = Move(
            reason=after.answers.reason,
            answers=answers_to_json(after.answers),
            progress=progress_to_json(after),
            considered=considered_to_json(considered),
            declined=_declined_here(session, after),
            shows=[] if shows is None else [shows.to_json()],
            fitted=fitted(considered),
            stripe=stripe,
        )

        moved = await self._stored.asked(self._sessions.move(session.row, move))
        if not moved:
            return await self._stored.read(session.row.customer_id, session.row.session_id)
        return after_move(session, move, after, considered)

    async def _shown_next(
        self, session: OwnSession, event: FlowEvent, considered: Considered
    ) -> tuple[FlowProgress, Considered, OfferShown | None]:
        """Return the step after the event, and the offer that it shows for the first time with its price.

        An offer whose price nobody can tell is left out, and the next one that fits is tried. Each is asked once, and
        all together get the time that one read of Stripe has.
        """
        deadline = self._stripe.deadline()
        while True:
            after = advance(session.definition, session.progress, considered.fitting, event)
            key = after.on_screen
            if key is None or key in session.progress.shown or after.step is not FlowStep.OFFER:
                return after, considered, None

            found = await self._offers.price(
                session.definition.offer(key),
                considered.fitting.months[key],
                session.reading,
                now=self._stripe.time(session.reading),
                deadline=deadline,
                declared=session.row.is_after,
            )
            if isinstance(found, OfferShown):
                return after, considered, found
            considered = considered.left_out(key, found)

    def _consider(
        self,
        definition: FlowDefinition,
        snapshot: Snapshot,
        reading: Reading | None,
        progress: FlowProgress,
        *,
        held_out: bool,
        declared: bool = False,
    ) -> Considered:
        plans = () if reading is None else reading.plans
        prices = {each.price.price_id: each.price for each in plans}

        return consider(
            definition,
            snapshot,
            None if reading is None else reading.shown.subscription,
            progress.answers,
            now=self._stripe.time(reading),
            bounds=replace(self._bounds.offers, prices=prices),
            held_out=held_out,
            allowed=progress.permission is True,
            declared=declared,
        )

    def _note_soon(self, session: OwnSession, after: FlowProgress, *, is_its_own: bool) -> None:
        """Note the end of a session beside the answer to the customer; the sweep finds what is lost here.

        Args:
            session: As it was read.
            after: Its last step.
            is_its_own: Whether the claim names the session, and is no wish of its own after an accepted offer.
        """

        async def note() -> None:
            move = Move(
                reason=after.answers.reason,
                answers=answers_to_json(after.answers),
                progress=progress_to_json(after),
                considered=[],
                declined=_declined_here(session, after),
            )

            try:
                async with asyncio.timeout(_NOTED_WITHIN_S):
                    await self._sessions.canceled(session.row, move, is_its_own=is_its_own)
            except Exception as error:
                logger.warning("the end of a flow session was not noted: %s", type_and_place(error))

        task = asyncio.create_task(note(), name="aiocancel flow session")
        self._noting.add(task)
        task.add_done_callback(self._noting.discard)


def _declined_here(session: OwnSession, after: FlowProgress) -> list[str]:
    """Return the declined offers that this session showed, and not the one before it."""
    return [key for key in after.declined if session.row.shown_offer(key) is not None]


def _hash_of(words: Mapping[str, str]) -> str:
    canonical = json.dumps(words, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode("utf-8", "surrogatepass")).hexdigest()
