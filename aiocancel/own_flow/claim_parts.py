"""What a claim of our own flow carries: the reason, the answers, and the terms that were shown."""

from __future__ import annotations

from typing import Any

from aiocancel.core.claim import CancelReason
from aiocancel.core.codes import Code
from aiocancel.core.flow.answers import Answers
from aiocancel.core.flow.definition import FlowDefinition
from aiocancel.core.flow.own_words import words_in
from aiocancel.core.flow.steps import FlowProgress, FlowStepError
from aiocancel.core.flow_details import FREE_TEXT, Answered, FlowDetails
from aiocancel.core.offers.terms import offer_from_json
from aiocancel.own_flow.stored_sessions import out_of_date
from aiocancel.postgres.flow_sessions import SessionRow


def claim_reason(
    definition: FlowDefinition, answers: Answers, language: str | None
) -> CancelReason:
    """Return the reason as the ledger and Stripe get it; a standard one needs no words at Stripe."""
    reason = definition.reason(answers.reason)
    if reason is None:
        return CancelReason(None, None)
    text = None if reason.words is None else words_in(reason.words, language or "en")
    return CancelReason(text, reason.key)


def shown_terms(row: SessionRow, offer: str, months: int | None) -> Any:
    """Return the terms of an offer as they were shown; raises FlowStepError where nobody can tell them."""
    with out_of_date(Code.OFFER_NO_LONGER_FITS):
        kept = row.shown_offer(offer)
        choice = "" if months is None else str(months)
        stored = None if kept is None else kept["terms"].get(choice)
        if stored is None:
            raise FlowStepError("This offer is not on the screen.", code=Code.OFFER_WAS_NOT_SHOWN)
        return offer_from_json(stored)


def claim_details(
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
