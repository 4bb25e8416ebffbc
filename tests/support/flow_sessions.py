"""Sessions of a flow of our own, as the store keeps them."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from aiocancel.core.claim import OWN_FLOW, FlowClaim, FlowStatus
from aiocancel.core.decision import decide_unproven
from aiocancel.core.identifiers import CustomerId, FlowSessionId, SubscriptionId
from aiocancel.core.offers.terms import AcceptedOffer, CouponTerms, offer_to_json
from aiocancel.postgres.claims import RecordedClaim
from aiocancel.postgres.flow_sessions import (
    Acceptance,
    FlowSessions,
    Move,
    NewSession,
    SessionRow,
)
from aiocancel.postgres.ledger import Ledger
from tests.support.claims import make_grant

VERSION = "v1"
HALF_PRICE = AcceptedOffer("half_price", CouponTerms(Decimal(50), None, "repeating", 3))
SHOWN: Mapping[str, Any] = {
    "offer": "half_price",
    "terms": {"": offer_to_json(HALF_PRICE)},
    "price": {"next": 1450},
}


def new_session(
    subscription_id: str = "sub_1",
    *,
    customer_id: str = "ada",
    hold_out: bool = False,
    version: str = VERSION,
    comment: Mapping[str, str] | None = None,
) -> NewSession:
    """A run as it begins, with an offer that fits."""
    return NewSession(
        customer_id=CustomerId(customer_id),
        subscription_id=SubscriptionId(subscription_id),
        mode="test",
        definition_version=version,
        definition={"reasons": ["too_expensive", "other"]},
        language="en",
        place=None,
        snapshot={"price_minor": 2900, "currency": "eur", "columns": comment or {}},
        stripe={"id": subscription_id},
        reasons=("too_expensive", "other"),
        progress={"step": "why"},
        considered=({"offer": "half_price", "code": None},),
        hold_out=hold_out,
        fitted="half_price",
        words_hash="w1",
        words={"exit": "Cancel subscription"},
    )


def move_to_offer(**changed: Any) -> Move:
    """The answer to why, and the offer that it leads to."""
    return Move(
        **{
            "reason": "too_expensive",
            "answers": {"comment": "Too dear"},
            "progress": {"step": "offer"},
            "considered": [{"offer": "half_price", "code": None}],
            "declined": [],
            "shows": [SHOWN],
            **changed,
        }
    )


async def begin(
    sessions: FlowSessions,
    session_id: str = "own_1",
    subscription_id: str = "sub_1",
    *,
    customer_id: str = "ada",
    shows: bool = True,
    hold_out: bool = False,
) -> SessionRow:
    """Open a run, show the offer in it, and return it as it stands."""
    new = new_session(subscription_id, customer_id=customer_id, hold_out=hold_out)
    assert await sessions.open(session_id, new)
    row = await sessions.read(session_id, customer_id)
    assert row is not None
    if not shows:
        return row

    assert await sessions.move(row, move_to_offer())
    row = await sessions.read(session_id, customer_id)
    assert row is not None
    return row


def own_claim(status: str, session: str | None = "own_1", **fields: Any) -> FlowClaim:
    """A claim as our own flow makes it."""
    session_id = None if session is None else FlowSessionId(session)
    return FlowClaim(OWN_FLOW, FlowStatus(status), session_id, **fields)


async def accept(
    ledger: Ledger,
    session_id: str = "own_1",
    subscription_id: str = "sub_1",
    *,
    customer_id: str = "ada",
    offer: str = "half_price",
    months: int | None = None,
    nonce: str | None = None,
) -> RecordedClaim:
    """Record a customer's yes to an offer, the way the service does it."""
    claim = own_claim("saved", session_id, offer_id=offer)
    grant = make_grant(subscription_id, customer_id=customer_id, nonce=nonce)
    acceptance = Acceptance(FlowSessionId(session_id), offer, months, {"step": "outcome"})
    decision = decide_unproven(claim, grant.subscription_id)
    return await ledger.accept(
        claim, grant, decision, verified=False, from_page=True, acceptance=acceptance
    )
