"""A flow session put into a screen, and the words that its customer read put into a declaration."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from aiocancel.billing.preview import OffersOnScreen, Reading
from aiocancel.core.declaration import Declaration
from aiocancel.core.flow.definition import Reason
from aiocancel.core.flow.eligibility import may_ask
from aiocancel.core.flow.facts import facts_of
from aiocancel.core.flow.screen import OfferOnScreen, Screen, Situation, SubscriptionFacts
from aiocancel.core.flow.steps import FlowStep, SessionState
from aiocancel.core.subscription import OwnedSubscription
from aiocancel.errors import UnreadableLedgerError
from aiocancel.own_flow.inputs import Declare, FlowBounds, RequestFacts
from aiocancel.own_flow.stored_sessions import OwnSession, as_stored, reason_told
from aiocancel.own_flow.stripe_reading import StripeReading
from aiocancel.telemetry import EventHook, LookupFailed, type_and_place

logger = logging.getLogger("aiocancel")


class Screens:
    """Makes screens of sessions.

    Args:
        offers: Show offers as they were priced.
        stripe: Knows the time that a subscription lives in.
        bounds: The owner's settings outside the flow.
        on_event: Is told of what could not be read.
    """

    def __init__(
        self,
        offers: OffersOnScreen,
        stripe: StripeReading,
        bounds: FlowBounds,
        *,
        on_event: EventHook,
    ) -> None:
        self._offers = offers
        self._stripe = stripe
        self._bounds = bounds
        self._on_event = on_event

    def of(self, session: OwnSession) -> Screen:
        """Return the screen on which a session stands."""
        row, progress = session.row, session.progress
        if row.is_after:
            return self._after(session)
        step = progress.step
        if progress.state in (SessionState.CANCELED, SessionState.ACCEPTED):
            step = FlowStep.OUTCOME
        elif progress.state is SessionState.ABANDONED:
            step = FlowStep.EXIT

        offer = None
        if step is FlowStep.OFFER and progress.on_screen is not None:
            offer = self._offer_on_screen(session, progress.on_screen)
        if step is FlowStep.OFFER and offer is None:
            step = FlowStep.EXIT
        return Screen(
            row.session_id,
            step,
            progress.state,
            self.facts(session.reading, None),
            reasons=_reasons(session),
            answers=progress.answers,
            offer=offer,
            language=row.language,
            claim_id=None if row.claim_id is None else str(row.claim_id),
            may_ask=may_ask(session.definition, session.snapshot, self._bounds.offers.place_rules),
        )

    def _after(self, session: OwnSession) -> Screen:
        """Return what the page of the outcome asks and offers, for a session that follows a declaration to leave."""
        row, progress = session.row, session.progress
        rules = self._bounds.offers.place_rules
        is_open = progress.state is SessionState.OPEN
        key = progress.on_screen if progress.step is FlowStep.OFFER else None
        claim_id = row.claim_id or row.after_claim

        return Screen(
            row.session_id,
            FlowStep.OUTCOME,
            progress.state,
            self.facts(session.reading, None),
            reasons=_reasons(session),
            answers=progress.answers,
            offer=None if key is None or not is_open else self._offer_on_screen(session, key),
            language=row.language,
            claim_id=None if claim_id is None else str(claim_id),
            may_ask=is_open and may_ask(session.definition, session.snapshot, rules, declared=True),
            after=True,
        )

    def bare(
        self, owned: OwnedSubscription, reading: Reading | None, facts: RequestFacts
    ) -> Screen:
        """Return the screen of a customer without a session: the exit alone."""
        told = self.facts(reading, owned)
        return Screen(None, FlowStep.EXIT, SessionState.OPEN, told, language=facts.language)

    def bare_as_it_goes_on(
        self, owned: OwnedSubscription, reading: Reading | None, facts: RequestFacts
    ) -> Screen:
        """Return the exit alone for a customer who stays, which Stripe does not have yet; nobody knows the next end."""
        screen = self.bare(owned, reading, facts)
        told = replace(
            screen.facts, situation=Situation.DATE_IS_UNKNOWN, ends_at=None, is_ending=False
        )
        return replace(screen, facts=told)

    def facts(self, reading: Reading | None, owned: OwnedSubscription | None) -> SubscriptionFacts:
        """Return what a screen tells of the subscription."""
        return facts_of(
            None if reading is None else reading.shown,
            owned,
            now=self._stripe.time(reading),
            timing=self._bounds.timing,
            ends_with=self._bounds.ends_with,
            agreed_ends=self._bounds.agreed_ends,
            schedule_policy=self._bounds.offers.schedule_policy,
        )

    def declared(
        self,
        declare: Declare | None,
        session: OwnSession | None,
        language: str | None,
        months: int | None = None,
        *,
        only: str | None = None,
    ) -> Declaration | None:
        """Return what was read and pressed, as it is kept with the claim; whatever fails in it, the claim is recorded.

        Args:
            declare: Finds the words.
            session: As it was read, None where there is none.
            language: The session's, or that of the page.
            months: The choice in a pause.
            only: The offer that was accepted; None stands for all that were shown.
        """
        plain = None if language is None else Declaration(language)
        if declare is None:
            return plain
        try:
            if session is None or session.has_lost_its_reading:
                # Which facts the page told, and of which plan, nobody knows here any more.
                facts = self.facts(None, None)
                bare = Screen(None, FlowStep.EXIT, SessionState.OPEN, facts)
                declared = declare(bare, (), None)
                return Declaration(declared.language, declared.words)

            offers = [
                shown
                for kept in session.row.shown
                if only in (None, kept["offer"])
                and (shown := self._offer_shown(session, kept)) is not None
            ]
            return declare(self.of(session), offers, months)
        except Exception as error:
            logger.warning("the words of a declaration were not kept: %s", type_and_place(error))
            return plain

    def _offer_on_screen(self, session: OwnSession, key: str) -> OfferOnScreen | None:
        """Return the offer as it was shown; None, so that the exit stands alone, where another release kept it."""
        definition, fitting = session.definition.offer(key), list(session.considered.fitting.months)

        try:
            with as_stored():
                kept = session.row.shown_offer(key)
                if kept is None or definition is None:
                    return None
                return self._offers.on_screen(
                    definition, kept, session.definition, session.progress, fitting
                )
        except UnreadableLedgerError as error:
            self._on_event(LookupFailed(reason_told(error)))
            return None

    def _offer_shown(self, session: OwnSession, kept: Mapping[str, Any]) -> OfferOnScreen | None:
        definition = session.definition.offer(kept["offer"])
        if definition is None:
            return None
        return self._offers.on_screen(definition, kept, session.definition, session.progress, ())


def _reasons(session: OwnSession) -> tuple[Reason, ...]:
    by_key = {each.key: each for each in session.definition.reasons}
    return tuple(by_key[key] for key in session.row.reasons if key in by_key)
