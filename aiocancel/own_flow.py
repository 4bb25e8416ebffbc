"""Our own flow at work: from a customer's click to the next screen, with the ledger, Stripe and the rules between.

The exit needs none of this: it is a claim like that of the plain page, recorded before anything else is looked at.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import re
import uuid
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Final, TypeAlias, TypeVar

from aiocancel.billing.preview import (
    OfferShown,
    OffersOnScreen,
    Reading,
    reading_from_json,
    reading_to_json,
)
from aiocancel.config import Settings, catalogue_of
from aiocancel.core.actions import (
    DEFAULT_AGREED_ENDS,
    DEFAULT_PERIOD_END,
    ActionKind,
    AgreedEnds,
    PeriodEnd,
    Write,
    next_step,
)
from aiocancel.core.changes import PlainChange
from aiocancel.core.claim import OWN_FLOW, CancelReason, FlowClaim, FlowStatus
from aiocancel.core.codes import Code
from aiocancel.core.decision import CancelTiming
from aiocancel.core.declaration import Declaration
from aiocancel.core.flow.answers import NO_ANSWERS, Answers
from aiocancel.core.flow.definition import FlowDefinition
from aiocancel.core.flow.eligibility import (
    Considered,
    OwnersBounds,
    consider,
    considered_from_json,
    may_ask,
)
from aiocancel.core.flow.facts import facts_of
from aiocancel.core.flow.hold_out import is_held_out
from aiocancel.core.flow.own_words import words_in
from aiocancel.core.flow.price_effect import PriceEffect, price_of_going_on
from aiocancel.core.flow.reason_order import reasons_in_order
from aiocancel.core.flow.screen import OfferOnScreen, Screen, Situation, SubscriptionFacts
from aiocancel.core.flow.snapshot import (
    History,
    Snapshot,
    snapshot_from_json,
    snapshot_of,
    snapshot_to_json,
)
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
    progress_from_json,
    progress_to_json,
)
from aiocancel.core.flow_details import FREE_TEXT, Answered, FlowDetails
from aiocancel.core.identifiers import FlowSessionId
from aiocancel.core.offers.terms import breach, name_of, offer_from_json
from aiocancel.core.shown import ShownSubscription
from aiocancel.core.subscription import OwnedSubscription
from aiocancel.core.undo import Undo
from aiocancel.errors import (
    AiocancelError,
    ConfigurationError,
    ConflictError,
    UnavailableError,
    UnreadableLedgerError,
)
from aiocancel.intake import FlowService
from aiocancel.ports import FlowReader
from aiocancel.postgres.claims import RecordedClaim
from aiocancel.postgres.connection import unavailable_on_refusal, within
from aiocancel.postgres.flow_sessions import (
    Acceptance,
    FlowSessions,
    Move,
    NewSession,
    SessionRow,
)
from aiocancel.telemetry import EventHook, LookupFailed, PageFactsMissing, guarded, told
from aiocancel.vendors.own import OwnFlow

logger = logging.getLogger("aiocancel")

STRIPE_WITHIN_S: Final = 1.5
"""How long a screen waits for Stripe; then the flow goes on without offers."""

# The exit waits for its own reason no longer than a customer notices.
_REASON_WITHIN_S: Final = 0.5
_NOTED_WITHIN_S: Final = 5.0

_WITHDRAWALS: Final = (
    PlainChange.WITHDRAW_CANCELLATION,
    PlainChange.WITHDRAW_CANCELLATION_BY_DATE,
)

_SESSION_ID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class RequestFacts:
    """What a request tells of its customer.

    Args:
        language: The language of the page.
        place: Whose rules hold: a country such as ``DE``, or a part of one such as ``US-MN``; None where nobody knows.
    """

    language: str
    place: str | None = None


@dataclass(frozen=True, slots=True)
class FlowBounds:
    """The owner's settings outside the flow that its screens depend on."""

    offers: OwnersBounds
    timing: CancelTiming = "at_period_end"
    ends_with: PeriodEnd = DEFAULT_PERIOD_END
    agreed_ends: AgreedEnds = DEFAULT_AGREED_ENDS
    account_column: str | None = None
    hold_out_key: bytes = field(default=b"", repr=False)


Declare: TypeAlias = Callable[[Screen, Sequence[OfferOnScreen], int | None], Declaration]
"""Puts a screen, the offers that were shown and the chosen months into the words that the customer read."""


@dataclass(frozen=True, slots=True)
class _Run:
    """A session as it was read, with all that its next step is decided by."""

    row: SessionRow
    definition: FlowDefinition
    progress: FlowProgress
    snapshot: Snapshot
    reading: Reading | None
    considered: Considered

    @property
    def shown(self) -> ShownSubscription | None:
        return None if self.reading is None else self.reading.shown


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
        self._reader = reader
        self._settings = settings
        self._bounds = bounds
        self._on_event = guarded(on_event)
        self._now = now

        self._offers = OffersOnScreen(reader, bounds.offers, within_s=STRIPE_WITHIN_S)
        self._definitions = {flow.definition.version: flow.definition}
        self._noting: set[asyncio.Task[None]] = set()

    # --- screens ----------------------------------------------------------------------------------------

    async def open(self, owned: OwnedSubscription, facts: RequestFacts) -> Screen:
        """Begin a session, or go on with the one that is open; where none can be kept, the exit is all there is.

        Args:
            owned: The customer's own subscription.
            facts: What the request tells.
        """
        try:
            before = await self._asked(
                self._sessions.look(owned.customer_id, owned.subscription_id)
            )
            if before.open_session is not None:
                return await self.screen(owned.customer_id, before.open_session)
        except (UnavailableError, UnreadableLedgerError, FlowStepError) as error:
            self._on_event(LookupFailed(_reason(error)))
            return self._bare(owned, await self._read(owned), facts)

        gifts = before.gifts
        history = History(len(gifts), len(before.cancellations), gifts[-1] if gifts else None)
        reading = await self._read(owned)
        shown = None if reading is None else reading.shown
        is_over = shown is not None and (
            shown.subscription.has_ended
            or (shown.subscription.is_ending and self._bounds.timing == "at_period_end")
        )
        if is_over:
            by = before.canceled_by
            return replace(
                self._bare(owned, reading, facts), claim_id=None if by is None else str(by)
            )
        return await self._begin(owned, facts, history, reading)

    async def screen(self, customer_id: str, session_id: str) -> Screen:
        """Return where a customer's own session stands.

        Raises:
            FlowStepError: There is none of that id, or it is another customer's.
            UnavailableError: The database did not answer.
        """
        return self._screen(await self._run(customer_id, session_id))

    async def answer(self, customer_id: str, session_id: str, answers: Answers) -> Screen:
        """Take the customer's answers, and return the next screen; raises as ``screen`` does."""
        return await self._step(customer_id, session_id, AnswersGiven(answers))

    async def permit(self, customer_id: str, session_id: str, *, allowed: bool) -> Screen:
        """Take whether an offer may be shown, and return the next screen; raises as ``screen`` does."""
        return await self._step(customer_id, session_id, PermissionAnswered(allowed))

    async def decline(self, customer_id: str, session_id: str, offer: str) -> Screen:
        """Take that the offer on the screen is not wanted, and return the next; raises as ``screen`` does."""
        return await self._step(customer_id, session_id, OfferDeclined(offer))

    # --- ends -------------------------------------------------------------------------------------------

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
            customer_id: Who is logged in.
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
        run = await self._run(customer_id, session_id)
        choice = OfferAccepted(offer, months)
        after = advance(run.definition, run.progress, run.considered.fitting, choice)
        terms = self._terms(run.row, offer, months)
        if run.progress.state is SessionState.OPEN and breach(terms, self._bounds.offers.limits):
            raise FlowStepError("This offer is no longer made.", code=Code.OFFER_NO_LONGER_FITS)

        claim = FlowClaim(
            OWN_FLOW,
            FlowStatus.SAVED,
            FlowSessionId(session_id),
            self._reason(run.definition, run.progress.answers, run.row.language),
            offer_id=offer,
            offer_type=name_of(terms.terms),
            details=_details(run.definition, after, run.row.language),
            declaration=self._declared(declare, run, run.row.language, months, only=offer),
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
            customer_id: Who is logged in.
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
        run = None if session_id is None else await self._run_for_the_exit(customer_id, session_id)
        definition = self._flow.definition if run is None else run.definition
        before = FlowProgress() if run is None else run.progress
        fitting = Considered().fitting if run is None else run.considered.fitting
        after = advance(definition, before, fitting, ExitPressed(answers))
        if run is not None:
            language = run.row.language

        claim = FlowClaim(
            OWN_FLOW,
            FlowStatus.CANCELED,
            None if run is None else FlowSessionId(run.row.session_id),
            self._reason(definition, after.answers, language),
            details=_details(definition, after, language),
            declaration=self._declared(declare, run, language),
        )
        try:
            recorded = await self._service.accept(claim, grant, customer_id)
        except ConflictError:
            # The page or the session has led to something else before: who wants to leave then may leave.
            claim = replace(claim, flow_session_id=None)
            recorded = await self._service.accept(claim, grant, customer_id, is_another=True)
        if run is not None:
            self._note_soon(run, after)
        return recorded

    async def close(self) -> None:
        """Wait for what is still being noted."""
        if self._noting:
            await asyncio.wait(self._noting, timeout=_NOTED_WITHIN_S)

    # --- taking something back --------------------------------------------------------------------------

    async def price_of_undo(self, owned: OwnedSubscription, undo: Undo) -> PriceEffect | None:
        """Return what going on costs once this is taken back; None where that is not certain, or Stripe is slow.

        Args:
            owned: The customer's own subscription.
            undo: A cancellation or a pause; everything else has no price.
        """
        if undo.kind not in (ActionKind.RESUME, ActionKind.UNPAUSE):
            return None
        deadline = asyncio.get_running_loop().time() + STRIPE_WITHIN_S
        reading = await self._read(owned, with_plans=False)
        if reading is None:
            return None

        subscription, now = reading.shown.subscription, self._time(reading)
        change = None
        if undo.kind is ActionKind.RESUME:
            step = next_step(undo.kind, subscription)
            change = step.change if isinstance(step, Write) else None
            if change not in _WITHDRAWALS:
                return None
        try:
            async with asyncio.timeout_at(deadline):
                preview = await self._reader.on(reading.account).preview(
                    subscription.subscription_id, change, proration_date=int(now.timestamp())
                )
        except (AiocancelError, TimeoutError, ValueError):
            return None
        ends_pause = undo.kind is ActionKind.UNPAUSE
        return price_of_going_on(subscription, preview, now=now, ends_pause=ends_pause)

    # --- inside -----------------------------------------------------------------------------------------

    async def _begin(
        self,
        owned: OwnedSubscription,
        facts: RequestFacts,
        history: History,
        reading: Reading | None,
    ) -> Screen:
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
            reasons=[each.key for each in reasons_in_order(definition.reasons, session_id)],
            progress=progress_to_json(progress),
            considered=_stored(considered),
            hold_out=held_out,
            fitted=None,
            words_hash=_hash_of(words),
            words=words,
        )
        try:
            is_first = await self._asked(self._sessions.open(session_id, new))
            if not is_first:
                # Another tab was faster: both go on with its session.
                before = await self._asked(
                    self._sessions.look(owned.customer_id, owned.subscription_id)
                )
                session_id = before.open_session or session_id
                return await self.screen(owned.customer_id, session_id)
        except (UnavailableError, FlowStepError) as error:
            self._on_event(LookupFailed(_reason(error)))
            return self._bare(owned, reading, facts)

        return Screen(
            session_id,
            progress.step,
            progress.state,
            self._facts(reading, owned),
            reasons=reasons_in_order(definition.reasons, session_id),
            language=facts.language,
        )

    async def _step(self, customer_id: str, session_id: str, event: FlowEvent) -> Screen:
        """Do one step, and where another request was faster, look at what that one did."""
        run = await self._run(customer_id, session_id)
        answers = event.answers if isinstance(event, AnswersGiven) else run.progress.answers
        asked = replace(run.progress, answers=answers.cleaned())
        if isinstance(event, PermissionAnswered):
            asked = replace(asked, permission=event.allowed)
        considered = self._consider(
            run.definition, run.snapshot, run.reading, asked, held_out=run.row.hold_out
        )
        after, considered, shows = await self._shown_next(run, event, considered)
        if after == run.progress:
            return self._screen(run)

        move = Move(
            reason=after.answers.reason,
            answers=_answers_json(after.answers),
            progress=progress_to_json(after),
            considered=_stored(considered),
            declined=list(after.declined),
            shows=[] if shows is None else [shows.to_json()],
            fitted=_fitted(considered),
        )
        moved = await self._asked(self._sessions.move(run.row, move))
        if not moved:
            return await self.screen(customer_id, session_id)
        return self._screen(_moved(run, move, after, considered))

    async def _shown_next(
        self, run: _Run, event: FlowEvent, considered: Considered
    ) -> tuple[FlowProgress, Considered, OfferShown | None]:
        """Return the step after the event, and the offer that it shows for the first time with its price.

        An offer whose price nobody can tell is left out, and the next one that fits is tried. Each is asked once, and
        all together get the time that one read of Stripe has.
        """
        deadline = asyncio.get_running_loop().time() + STRIPE_WITHIN_S
        while True:
            after = advance(run.definition, run.progress, considered.fitting, event)
            key = after.on_screen
            if key is None or key in run.progress.shown or after.step is not FlowStep.OFFER:
                return after, considered, None

            found = await self._offers.price(
                run.definition.offer(key),
                considered.fitting.months[key],
                run.reading,
                now=self._time(run.reading),
                deadline=deadline,
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
    ) -> Considered:
        plans = () if reading is None else reading.plans
        prices = {each.price.price_id: each.price for each in plans}

        return consider(
            definition,
            snapshot,
            None if reading is None else reading.shown.subscription,
            progress.answers,
            now=self._time(reading),
            bounds=replace(self._bounds.offers, prices=prices),
            held_out=held_out,
            allowed=progress.permission is True,
        )

    def _time(self, reading: Reading | None) -> datetime:
        """Return the time that the subscription lives in."""
        frozen_at = None if reading is None else reading.shown.subscription.frozen_at
        return frozen_at or self._now()

    async def _read(self, owned: OwnedSubscription, *, with_plans: bool = True) -> Reading | None:
        """Read the subscription, and the prices of other plans; None where Stripe does not answer in time."""
        column = self._bounds.account_column
        found = None if column is None else owned.record.get(column)
        account = None if found is None else str(found)

        try:
            async with asyncio.timeout(STRIPE_WITHIN_S):
                reader = self._reader.on(account)
                shown = await reader.read_for_flow(owned.subscription_id)
                plans = (
                    await self._offers.plans(self._flow.definition, account, reader)
                    if with_plans
                    else ()
                )
        except Exception as error:
            self._on_event(PageFactsMissing(owned.subscription_id, _reason(error)))
            return None
        return Reading(shown, plans, account)

    async def _run(self, customer_id: str, session_id: str) -> _Run:
        if not _SESSION_ID.fullmatch(session_id):
            # What no session of ours is called may not even be a text that the database takes.
            raise FlowStepError("There is no such attempt of this customer.")
        with unavailable_on_refusal(), _as_stored():
            row = await self._asked(
                self._sessions.read(session_id, customer_id, known_versions=list(self._definitions))
            )
            if row is None:
                raise FlowStepError("There is no such attempt of this customer.")
            return self._run_of(row)

    async def _run_for_the_exit(self, customer_id: str, session_id: str) -> _Run | None:
        """Return the session for the sake of its reason; None where it cannot be read, or not at once."""
        try:
            async with asyncio.timeout(_REASON_WITHIN_S):
                return await self._run(customer_id, session_id)
        except Exception as error:
            # Whatever a session holds, its customer may leave.
            self._on_event(LookupFailed(_reason(error)))
            return None

    def _run_of(self, row: SessionRow) -> _Run:
        definition = self._definitions.get(row.definition_version)
        if definition is None:
            definition = FlowDefinition.from_json(row.definition or {})
            self._definitions[row.definition_version] = definition
        progress = progress_from_json(row.progress)
        if row.is_stale and progress.state is SessionState.OPEN:
            progress = replace(progress, state=SessionState.ABANDONED)
        # The row's own state counts: a sweep ends sessions without a look into them.
        if row.state != "open":
            progress = replace(progress, state=SessionState(row.state))

        reading = None if row.stripe is None else reading_from_json(row.stripe)
        snapshot, considered = snapshot_from_json(row.snapshot), _considered(row)
        return _Run(row, definition, progress, snapshot, reading, considered)

    def _screen(self, run: _Run) -> Screen:
        row, progress = run.row, run.progress
        step = progress.step
        if progress.state in (SessionState.CANCELED, SessionState.ACCEPTED):
            step = FlowStep.OUTCOME
        elif progress.state is SessionState.ABANDONED:
            step = FlowStep.EXIT

        by_key = {each.key: each for each in run.definition.reasons}
        reasons = tuple(by_key[key] for key in row.reasons if key in by_key)
        offer = None
        if step is FlowStep.OFFER and progress.on_screen is not None:
            offer = self._offer_on_screen(run, progress.on_screen)
        if step is FlowStep.OFFER and offer is None:
            step = FlowStep.EXIT
        return Screen(
            row.session_id,
            step,
            progress.state,
            self._facts(run.reading, None),
            reasons=reasons,
            answers=progress.answers,
            offer=offer,
            language=row.language,
            claim_id=None if row.claim_id is None else str(row.claim_id),
            may_ask=may_ask(run.definition, run.snapshot, self._bounds.offers.place_rules),
        )

    def _offer_on_screen(self, run: _Run, key: str) -> OfferOnScreen | None:
        """Return the offer as it was shown; None, so that the exit stands alone, where another release kept it."""
        definition, fitting = run.definition.offer(key), list(run.considered.fitting.months)
        try:
            with _as_stored():
                kept = run.row.shown_offer(key)
                if kept is None or definition is None:
                    return None
                return self._offers.on_screen(
                    definition, kept, run.definition, run.progress, fitting
                )
        except UnreadableLedgerError as error:
            self._on_event(LookupFailed(_reason(error)))
            return None

    def _declared(
        self,
        declare: Declare | None,
        run: _Run | None,
        language: str | None,
        months: int | None = None,
        *,
        only: str | None = None,
    ) -> Declaration | None:
        """Return what was read and pressed, as it is kept with the claim; whatever fails in it, the claim is recorded.

        Args:
            declare: Finds the words.
            run: The session, None where there is none.
            language: The session's, or that of the page.
            months: The choice in a pause.
            only: The offer that was accepted; None stands for all that were shown.
        """
        plain = None if language is None else Declaration(language)
        if declare is None:
            return plain
        try:
            if run is None:
                facts = SubscriptionFacts(Situation.DATE_IS_UNKNOWN)
                bare = Screen(None, FlowStep.EXIT, SessionState.OPEN, facts)
                declared = declare(bare, (), None)
                # Nobody knows here which of two labels the button had.
                is_sure = self._bounds.timing == "at_period_end"
                return Declaration(declared.language, declared.words if is_sure else None)

            offers = [
                shown
                for kept in run.row.shown
                if only in (None, kept["offer"])
                and (shown := self._offer_shown(run, kept)) is not None
            ]
            return declare(self._screen(run), offers, months)
        except Exception as error:
            logger.warning("the words of a declaration were not kept: %s", told(error))
            return plain

    def _offer_shown(self, run: _Run, kept: Mapping[str, Any]) -> OfferOnScreen | None:
        definition = run.definition.offer(kept["offer"])
        if definition is None:
            return None
        return self._offers.on_screen(definition, kept, run.definition, run.progress, ())

    def _bare(
        self, owned: OwnedSubscription, reading: Reading | None, facts: RequestFacts
    ) -> Screen:
        told = self._facts(reading, owned)
        return Screen(None, FlowStep.EXIT, SessionState.OPEN, told, language=facts.language)

    def _facts(self, reading: Reading | None, owned: OwnedSubscription | None) -> SubscriptionFacts:
        return facts_of(
            None if reading is None else reading.shown,
            owned,
            now=self._time(reading),
            timing=self._bounds.timing,
            ends_with=self._bounds.ends_with,
            agreed_ends=self._bounds.agreed_ends,
            schedule_policy=self._bounds.offers.schedule_policy,
        )

    def _terms(self, row: SessionRow, offer: str, months: int | None) -> Any:
        with unavailable_on_refusal(), _as_stored():
            kept = row.shown_offer(offer)
            choice = "" if months is None else str(months)
            stored = None if kept is None else kept["terms"].get(choice)
            if stored is None:
                raise FlowStepError(
                    "This offer is not on the screen.", code=Code.OFFER_WAS_NOT_SHOWN
                )
            return offer_from_json(stored)

    def _reason(
        self, definition: FlowDefinition, answers: Answers, language: str | None
    ) -> CancelReason:
        """Return the reason as the ledger and Stripe get it; a standard one needs no words at Stripe."""
        reason = definition.reason(answers.reason)
        if reason is None:
            return CancelReason(None, None)
        text = None if reason.words is None else words_in(reason.words, language or "en")
        return CancelReason(text, reason.key)

    def _note_soon(self, run: _Run, after: FlowProgress) -> None:
        """Note the end of a session beside the answer to the customer; the sweep finds what is lost here."""

        async def note() -> None:
            move = Move(
                reason=after.answers.reason,
                answers=_answers_json(after.answers),
                progress=progress_to_json(after),
                considered=[],
                declined=list(after.declined),
            )

            try:
                async with asyncio.timeout(_NOTED_WITHIN_S):
                    await self._sessions.canceled(run.row, move)
            except Exception as error:
                logger.warning("the end of a flow session was not noted: %s", told(error))

        task = asyncio.create_task(note(), name="aiocancel flow session")
        self._noting.add(task)
        task.add_done_callback(self._noting.discard)

    async def _asked(self, work: Awaitable[_T]) -> _T:
        """Ask the database, for as long as a page waits for it; raises UnavailableError."""
        with unavailable_on_refusal():
            return await within(self._settings.lookup_within_s, _as_coroutine(work))


async def _as_coroutine(work: Awaitable[_T]) -> _T:
    return await work


def _moved(run: _Run, move: Move, after: FlowProgress, considered: Considered) -> _Run:
    row = replace(
        run.row,
        reason=move.reason,
        progress=move.progress,
        considered=tuple(move.considered),
        shown=(*run.row.shown, *move.shows),
        declined=tuple(move.declined),
    )
    return replace(run, row=row, progress=after, considered=considered)


# --- what is stored ----------------------------------------------------------------------------------------


@contextmanager
def _as_stored() -> Iterator[None]:
    """Raise UnreadableLedgerError for a stored value of a shape that this release does not know."""
    try:
        yield
    except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError) as error:
        # The value itself may be a customer's words.
        shape = type(error).__name__
        raise UnreadableLedgerError(f"a flow session has another shape ({shape})") from error
    except ConfigurationError as error:
        raise UnreadableLedgerError("a flow session has a definition of another shape") from error


def _stored(considered: Considered) -> list[dict[str, Any]]:
    return [
        {"offer": each.key, "code": each.code, "months": list(each.months)}
        for each in considered.offers
    ]


def _considered(row: SessionRow) -> Considered:
    offers = [
        {"key": each["offer"], "code": each["code"], "months": each["months"]}
        for each in row.considered
    ]
    return considered_from_json({"offers": offers, "would_fit": False, "needs_permission": False})


def _fitted(considered: Considered) -> str | None:
    """Return the offer that fits, or would for a customer who is not held out; the best first."""
    fits = (None, Code.HELD_OUT, Code.PERMISSION_IS_MISSING)
    return next((each.key for each in considered.offers if each.code in fits), None)


def _answers_json(answers: Answers) -> dict[str, str]:
    both = {"follow_up": answers.follow_up, "comment": answers.comment}
    return {name: text for name, text in both.items() if text is not None}


def _hash_of(words: Mapping[str, str]) -> str:
    canonical = json.dumps(words, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode("utf-8", "surrogatepass")).hexdigest()


def _details(
    definition: FlowDefinition, progress: FlowProgress, language: str | None
) -> FlowDetails:
    """Return what the application's hooks get; our own server tells it, so it is as good as a vendor's word."""
    answers, reason = progress.answers, definition.reason(progress.answers.reason)
    texts: list[Answered] = []
    if answers.follow_up is not None:
        asked = None if reason is None or reason.follow_up is None else reason.follow_up
        question = None if asked is None else words_in(asked, language or "en")
        texts.append(Answered("follow_up", FREE_TEXT, question, (answers.follow_up,)))
    if answers.comment is not None:
        texts.append(Answered("comment", FREE_TEXT, None, (answers.comment,)))
    return FlowDetails("vendor", tuple(texts), progress.shown)


def _reason(error: BaseException) -> str:
    if isinstance(error, TimeoutError):
        return "it took too long"
    # Another's text may hold anything.
    return str(error) if isinstance(error, AiocancelError) else told(error)
