"""Two hundred made-up sessions of the past nine months, so that the owner's pages of the demo show something.

They are put straight into aiocancel's tables, which no application should do: a site's own sessions come by themselves.
The same numbers come out each time, counted back from the moment it is run.
"""

from __future__ import annotations

import json
import random
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg

from aiocancel.core.flow.conditions import reason, tenure
from aiocancel.core.flow.definition import CouponOffer, FlowDefinition, PauseOffer

SESSIONS = 200
DAYS = 270
PLANS = (("Basic", 900, 5), ("Pro", 2900, 8), ("Team", 9900, 3))
REASONS = (
    "too_expensive",
    "unused",
    "missing_features",
    "switched_service",
    "too_complex",
    "other",
)
WEIGHTS = (9, 7, 4, 3, 2, 2)
WORDS = ("I use it once a month.", "We moved to another tool.", "Too much for two people.", "")

DEFINITION = FlowDefinition(
    offers=(
        CouponOffer(
            "half_price",
            percent_off=50,
            months=3,
            when=reason("too_expensive") & tenure(at_least_months=2),
        ),
        PauseOffer(
            "break",
            months=(1, 2, 3),
            sentence="You can read your notes during the pause.",
            when=reason("unused", "other"),
        ),
    ),
    hold_out_percent=20,
    at_most_one_gift_in_days=180,
)

DEFINE = """
INSERT INTO aiocancel.flow_definition (version, definition, stored_at) VALUES ($1, $2::jsonb, $3) ON CONFLICT DO NOTHING
"""
ADD = """
INSERT INTO aiocancel.flow_session (session_id, vendor, told_by, mode, customer_id, subscription_id, state,
    definition_version, language, place, snapshot, reasons, reason, answers, considered, shown, declined,
    accepted_offer, hold_out, fitted, opened_at, touched_at, ended_at)
VALUES ($1, 'own', 'own', 'test', $2, $3, $4, $5, 'en', 'DE', $6::jsonb, $7, $8, $9::jsonb, $10::jsonb, $11::jsonb,
    $12, $13, $14, $15, $16, $17, $17)
RETURNING id
"""
READ = """
UPDATE aiocancel.kept_reading SET read_at = due_at, due_at = NULL, state = $3, kept = $4, is_late = false
WHERE session = $1 AND day = $2
"""
PAY = """
INSERT INTO aiocancel.kept_payment (session, day, currency, invoices, paid_minor, given_minor)
VALUES ($1, $2, 'eur', $3, $4, $5)
"""
CLAIM = """
INSERT INTO aiocancel.claim (public_id, recorded_at, grant_nonce, uses_grant, vendor, status, flow_session_id,
    customer_id, subscription_id, mode, reason_code, change, recovery_point)
VALUES ($1, $2, $3, true, 'own', 'canceled', $4, $5, $6, 'test', $7, 'cancellation', 'actions_enqueued')
RETURNING id
"""
PARKED = """
INSERT INTO aiocancel.action (claim_id, ordinal, kind, subscription_id, reason_code, flow_session_id, state, created_at,
    due_at, attempts, idempotency_key, key_used_at, finished_at, parked_code)
VALUES ($1, 0, 'cancel_at_period_end', $2, $3, $4, 'parked', $5, $5, 1, $6, $5, $7, $8) RETURNING id
"""
DONE = """
INSERT INTO aiocancel.action (claim_id, ordinal, kind, subscription_id, reason_code, flow_session_id, state, created_at,
    due_at, attempts, idempotency_key, key_used_at, finished_at, receipt_status, receipt_ends_at)
VALUES ($1, 0, 'cancel_at_period_end', $2, $3, $4, 'done', $5, $5, 1, $6, $5, $7, 'active', $8) RETURNING id
"""
ATTEMPT = """
INSERT INTO aiocancel.attempt (action_id, number, idempotency_key, started_at, ended_at, result, code, request_id)
VALUES ($1, 1, $2, $3, $4, $5, $6, $7)
"""
WRITE = """
INSERT INTO aiocancel.journal (at, claim_id, action_id, entry, code) VALUES ($1, $2, $3, $4, $5)
"""

# The newest cancellations that a person has to look at, and why.
STUCK = (
    "subscription_has_a_schedule",
    *["schedule_has_pending_phases"] * 4,
    "changed_since_it_was_tried",
)


async def add_past_sessions(
    pool: asyncpg.Pool[asyncpg.Record], now: datetime | None = None
) -> None:
    """Add the sessions unless there are some already."""
    if await pool.fetchval("SELECT EXISTS (SELECT FROM aiocancel.flow_session)"):
        return

    chance, until = random.Random(7), now or datetime.now(UTC)  # noqa: S311 - for show
    async with pool.acquire() as connection, connection.transaction():
        version = DEFINITION.version
        first = until - timedelta(days=DAYS)
        await connection.execute(DEFINE, version, DEFINITION.canonical(), first)
        for number in range(SESSIONS):
            # More towards the end, as in a company that grows.
            share = ((SESSIONS - number) / SESSIONS) ** 1.3
            opened = until - timedelta(days=DAYS * share * chance.uniform(0.9, 1.0), minutes=17)
            if number >= SESSIONS - len(STUCK):
                opened = until - timedelta(minutes=23 * (SESSIONS - number))
            code = STUCK[number - SESSIONS] if number >= SESSIONS - len(STUCK) else None
            await _add(connection, chance, number, opened, until, code)


async def _add(
    connection: Any,
    chance: random.Random,
    number: int,
    opened: datetime,
    now: datetime,
    stuck: str | None,
) -> None:
    """Add one session, its claim where it was cancelled, and the readings that are due by now."""
    plan, price, _ = chance.choices(PLANS, [weight for *_, weight in PLANS])[0]
    months = chance.randint(1, 30)
    snapshot = {
        "taken_at": opened.isoformat(),
        "status": "active",
        "plan": plan,
        "price_minor": price,
        "currency": "eur",
        "interval": "month",
        "interval_count": 1,
        "quantity": 1,
        "started_at": (opened - timedelta(days=30 * months + 3)).isoformat(),
    }
    chosen = chance.choices([*REASONS, None], [*WEIGHTS, 4])[0]
    order = [*chance.sample(REASONS[:-1], len(REASONS) - 1), REASONS[-1]]
    fitted = _fitting(chosen, months)
    hold_out = fitted is not None and chance.random() < 0.2
    offer = None if hold_out else fitted
    state = "canceled" if stuck else _end(chance, offer)
    shown = [_shown(offer, price, opened)] if offer else []
    said = chance.choice(WORDS) if chosen else ""

    session_id, subscription, customer = (
        f"demo_{number:03}",
        f"sub_demo{number:03}",
        f"customer-{number:03}",
    )
    ended = opened + timedelta(seconds=chance.randint(20, 240))
    row = await connection.fetchval(
        ADD,
        session_id,
        customer,
        subscription,
        state,
        DEFINITION.version,
        json.dumps(snapshot),
        order,
        chosen,
        json.dumps({"comment": said} if said else {}),
        json.dumps(_considered(offer)),
        json.dumps(shown),
        [offer] if offer and state == "canceled" else [],
        offer if state == "accepted" else None,
        hold_out,
        fitted,
        opened,
        ended,
    )
    if state == "canceled":
        await _cancel(connection, number, session_id, customer, subscription, chosen, ended, stuck)
    taken = offer if state == "accepted" else None
    await _read(connection, chance, row, state, taken, price, opened, now)


def _fitting(chosen: str | None, months: int) -> str | None:
    if chosen == "too_expensive" and months >= 2:
        return "half_price"
    return "break" if chosen in ("unused", "other") else None


def _end(chance: random.Random, offer: str | None) -> str:
    draw = chance.random()
    if offer is not None and draw < 0.38:
        return "accepted"
    return "abandoned" if draw > 0.9 else "canceled"


def _considered(offer: str | None) -> list[dict[str, str | None]]:
    considered: list[dict[str, str | None]] = []
    for each in DEFINITION.offers:
        code = None if each.key == offer else "not_for_this_customer"
        considered.append({"offer": each.key, "code": code})
    return considered


def _shown(offer: str, price: int, opened: datetime) -> dict[str, Any]:
    at = (opened + timedelta(seconds=15)).isoformat()
    if offer == "break":
        words = "Or: pause your subscription. You can read your notes during the pause."
        return {"offer": offer, "at": at, "terms": {"months": [1, 2, 3]}, "words": words}
    half = f"€{price / 200:.2f}"
    rows = {
        "today": "nothing",
        "next_payment": half,
        "from_then_on": f"€{price / 100:.2f} a month after 3 months",
    }
    return {"offer": offer, "at": at, "terms": {"percent_off": 50, "months": 3}, "price": rows}


async def _cancel(
    connection: Any,
    number: int,
    session_id: str,
    customer: str,
    subscription: str,
    chosen: str | None,
    ended: datetime,
    stuck: str | None,
) -> None:
    """Add the claim of a cancellation with its action: carried out, or waiting for a person."""
    public_id, key = uuid.UUID(int=number + 1, version=4), f"demo-{number:03}"
    claim = await connection.fetchval(
        CLAIM, public_id, ended, f"nonce-{key}", session_id, customer, subscription, chosen
    )
    sent, answered = ended + timedelta(seconds=1), ended + timedelta(seconds=1.4)
    values = (claim, subscription, chosen, session_id, ended, key, answered)
    if stuck is None:
        action = await connection.fetchval(DONE, *values, ended + timedelta(days=17))
    else:
        action = await connection.fetchval(PARKED, *values, stuck)

    result = ("rejected", stuck) if stuck else ("accepted", None)
    await connection.execute(ATTEMPT, action, key, sent, answered, *result, f"req_demo{number:03}")
    entries = [
        (ended, None, "claim_recorded", "canceled"),
        (ended, action, "actions_enqueued", "cancel_at_period_end"),
        (answered, action, "action_parked" if stuck else "action_applied", stuck),
    ]
    for at, of_action, entry, code in entries:
        await connection.execute(WRITE, at, claim, of_action, entry, code)


async def _read(
    connection: Any,
    chance: random.Random,
    session: int,
    state: str,
    taken: str | None,
    price: int,
    opened: datetime,
    now: datetime,
) -> None:
    """Add the readings of day 30, 60 and 90 that are due by now, and what was paid."""
    stays = {"canceled": 0.08, "accepted": 0.7, "abandoned": 0.75}[state]
    found = "active" if chance.random() < stays else "ended"
    months = 0

    for day in (30, 60, 90):
        if opened + timedelta(days=day) > now:
            return
        if found == "active" and chance.random() < 0.12:
            found = "ended" if chance.random() < 0.7 else "paused"
        await connection.execute(READ, session, day, found, found == "active")
        # Each reading adds up all that was paid since the session, also by those who have left meanwhile.
        months += found == "active"
        if months:
            # A pause is on no invoice.
            given = price // 2 if taken == "half_price" else 0
            await connection.execute(
                PAY, session, day, months, (price - given) * months, given * months
            )
