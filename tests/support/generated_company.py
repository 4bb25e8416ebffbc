"""A company whose truth is known, because it is made up: every session, its end, and the probabilities behind.

The counts that come out of the ledger must be those of the generator exactly, and the true effect of offers must lie
inside its interval 95 times in 100. There are two true effects. That of the law is ten points: what offers do to any
customers such as these. The other is what offers did to these customers: one draw for each of them says whether they
stay with offers and whether without, so that the generator knows both. An offer drives nobody away.
One in five comes back after forty days and leaves then, whatever was done. A customer who took the gift is due none
then, and each subscription counts once against the hold-out. Those who come back have dice of their own: the seeds of a
company without them stand.
Small in the tests; all of it, with 20,000 customers and the seeds 0 to 9,999, is

    python -m tests.support.generated_company

Those seeds need no database, and ten minutes of a processor: each throws the dice of 20,000 customers. A number behind
the command says another count of seeds, always from 0 on: none is chosen.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, NamedTuple

import asyncpg

from aiocancel.core.measures.interval import Share, difference
from aiocancel.postgres.report import Figures
from aiocancel.postgres.schema import migrate
from aiocancel.testing.postgres import EmbeddedPostgres
from tests.support.past_sessions import BEGAN, DEFINE, PastSession

REASONS = ("too_expensive", "unused", "missing_features", "other")
ANSWERS = (*REASONS, None)
ENDS = ("canceled", "canceled", "abandoned")
NOT_KEPT = ("ended", "ending", "paused", "unpaid")
GIVEN = (0, 1450)
CURRENCIES = ("eur", "usd", "jpy")
KEPT_WITH_OFFERS, KEPT_WITHOUT = 0.30, 0.20
HELD_OUT = 0.2
FITS = 0.6
DAYS = 360
COME_BACK = 0.2
BACK_AFTER = timedelta(days=40)
TRUE_EFFECT = KEPT_WITH_OFFERS - KEPT_WITHOUT
# Day 30 has come for all of its sessions.
COMPANY_BEGAN = BEGAN - timedelta(days=DAYS)

COLUMNS = (
    *("session_id", "vendor", "told_by", "mode", "customer_id", "subscription_id", "state"),
    *("definition_version", "snapshot", "reasons", "reason", "considered", "shown"),
    *("accepted_offer", "hold_out", "fitted", "opened_at", "ended_at", "place"),
)
READ = """
UPDATE aiocancel.kept_reading r
SET read_at = r.due_at, due_at = NULL, state = f.state, kept = f.kept, is_late = false
FROM aiocancel.flow_session s, unnest($1::text[], $2::text[], $3::boolean[]) AS f (session_id, state, kept)
WHERE r.session = s.id AND s.session_id = f.session_id AND r.day = 30
"""
PAY = """
INSERT INTO aiocancel.kept_payment (session, day, currency, invoices, paid_minor, given_minor)
SELECT s.id, 30, p.currency, 1, p.paid, p.given
FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[]) AS p (session_id, currency, paid, given)
    JOIN aiocancel.flow_session s ON s.session_id = p.session_id
"""


@dataclass
class Made:
    """One session, and what its reading on day 30 finds."""

    session: PastSession
    state: str
    paid: tuple[str, int, int] | None
    # Whatever was done, the customer would be kept with offers, and without.
    kept_with: bool
    kept_without: bool

    @property
    def is_kept(self) -> bool:
        return self.state == "active" and self.paid is not None


@dataclass
class Truth:
    """What the generator knows, counted while it made the sessions and without any SQL."""

    ends: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    taken: Counter[str] = field(default_factory=Counter)
    money: dict[str, list[int]] = field(default_factory=dict)
    kept: int = 0
    paused: int = 0
    held_out: list[int] = field(default_factory=lambda: [0, 0])
    offers: list[int] = field(default_factory=lambda: [0, 0])
    hold_out_began_at: Any = None
    kept_more: int = 0
    due: set[str | None] = field(default_factory=set)

    @property
    def effect(self) -> float:
        """How much larger the share of the kept is with offers among these very customers, from -1 to 1."""
        return self.kept_more / (self.offers[1] + self.held_out[1])

    def add(self, made: Made) -> None:
        session = made.session
        self.ends[session.state] += 1
        self.reasons[session.reason or ""] += 1
        if session.accepted:
            self.taken[session.accepted] += 1
        self.kept += made.is_kept
        self.paused += made.state == "paused"
        if made.paid is not None:
            currency, paid, given = made.paid
            sums = self.money.setdefault(currency, [0, 0])
            sums[0] += paid
            sums[1] += given

        # The comparison begins with the first of the hold-out.
        if session.hold_out and self.hold_out_began_at is None:
            self.hold_out_began_at = session.opened_at
        is_first = session.fitted is not None and session.subscription_id not in self.due
        if is_first:
            self.due.add(session.subscription_id)
        if is_first and self.hold_out_began_at is not None:
            arm = self.held_out if session.hold_out else self.offers
            arm[0] += made.is_kept
            arm[1] += 1
            self.kept_more += made.kept_with - made.kept_without


def make_company(seed: int, customers: int) -> Iterator[Made]:
    """Yield the sessions of a company, in the order of their time: one of each customer, and those who come back."""
    later = random.Random(f"{seed} come back")  # noqa: S311 - a company, and no secret
    back: deque[Made] = deque()
    for made in _first_sessions(seed, customers):
        while back and back[0].session.opened_at < made.session.opened_at:
            yield back.popleft()
        yield made
        if later.random() < COME_BACK:
            back.append(_come_back(made.session, customers))
    yield from back


def _come_back(first: PastSession, customers: int) -> Made:
    """Return the session of a customer who leaves this time; a gift that was taken is not due again."""
    fitted = None if first.accepted else first.fitted
    session = replace(
        first,
        number=customers + first.number,
        customer_id=f"customer_{first.number}",
        state="canceled",
        opened_at=first.opened_at + BACK_AFTER,
        shown=("half",) if fitted and not first.hold_out else (),
        accepted=None,
        hold_out=first.hold_out,
        fitted=fitted,
    )

    return Made(session, "ended", None, kept_with=False, kept_without=False)


class Drawn(NamedTuple):
    """What the dice say of one customer's first session."""

    fits: bool
    hold_out: bool
    with_offers: bool
    without: bool
    kept: bool
    took: bool
    ended: str
    reason: str | None
    read: str
    paid: tuple[str, int, int] | None


def draw(seed: int, customers: int) -> Iterator[Drawn]:
    """Yield what the dice say, customer by customer."""
    dice = random.Random(seed)  # noqa: S311 - a company, and no secret
    for _ in range(customers):
        fits, held = dice.random() < FITS, dice.random() < HELD_OUT
        hold_out = fits and held
        leaning = dice.random()
        with_offers, without = leaning < KEPT_WITH_OFFERS, leaning < KEPT_WITHOUT
        kept = with_offers if fits and not hold_out else without
        took = fits and not hold_out and dice.random() < 0.4

        ended = "accepted" if took else dice.choice(ENDS)
        reason = dice.choice(ANSWERS)
        if kept:
            given = dice.choice(GIVEN) if took else 0
            read, paid = "active", (dice.choice(CURRENCIES), 2900 - given, given)
        else:
            read, paid = dice.choice(NOT_KEPT), None
        yield Drawn(fits, hold_out, with_offers, without, kept, took, ended, reason, read, paid)


def _first_sessions(seed: int, customers: int) -> Iterator[Made]:
    for number, drawn in enumerate(draw(seed, customers)):
        session = PastSession(
            number,
            drawn.ended,
            opened_at=COMPANY_BEGAN + timedelta(days=DAYS * number / customers),
            reason=drawn.reason,
            reasons=REASONS,
            shown=("half",) if drawn.fits and not drawn.hold_out else (),
            accepted="half" if drawn.took else None,
            hold_out=drawn.hold_out,
            fitted="half" if drawn.fits else None,
            subscription_id=f"sub_{number}",
        )
        yield Made(session, drawn.read, drawn.paid, drawn.with_offers, drawn.without)


async def store(connection: Any, company: list[Made]) -> None:
    """Put a company into empty tables."""
    await connection.execute(DEFINE, json.dumps({"hold_out_percent": round(HELD_OUT * 100)}))
    await connection.copy_records_to_table(
        "flow_session",
        schema_name="aiocancel",
        columns=COLUMNS,
        records=[made.session.row() for made in company],
    )

    ids = [f"run_{made.session.number}" for made in company]
    states = [made.state for made in company]
    await connection.execute(READ, ids, states, [made.is_kept for made in company])
    paid = [(f"run_{made.session.number}", *made.paid) for made in company if made.paid]
    await connection.execute(PAY, *map(list, zip(*paid, strict=True)))


async def differences(figures: Figures, truth: Truth) -> list[str]:
    """Return each figure that is not what the generator knows."""
    everything = COMPANY_BEGAN, COMPANY_BEGAN + timedelta(days=DAYS + 1) + BACK_AFTER
    counts = await figures.counts(*everything)
    reasons = {each.reason: each.chosen.part for each in await figures.reasons(*everything)}
    offers = {each.offer: each.accepted for each in await figures.offers(*everything)}
    kept = next(each for each in await figures.kept(*everything) if not each.offer)
    money = {
        each.currency: [each.kept_minor, each.given_minor]
        for each in await figures.revenue(*everything)
    }
    hold_out = await figures.hold_out(None)

    expected = {
        "sessions": (counts.sessions, truth.ends.total()),
        "canceled": (counts.canceled, truth.ends["canceled"]),
        "accepted": (counts.accepted, truth.ends["accepted"]),
        "abandoned": (counts.abandoned, truth.ends["abandoned"]),
        "reasons": (reasons, dict(truth.reasons)),
        "offers": (offers, dict(truth.taken)),
        "kept": (kept.kept, Share(truth.kept, truth.ends.total())),
        "paused": (kept.paused, truth.paused),
        "money": (money, truth.money),
        "held out": (hold_out.held_out, Share(*truth.held_out)),
        "offers due": (hold_out.offers, Share(*truth.offers)),
    }
    return [
        f"{name}: {found} instead of {true}"
        for name, (found, true) in expected.items()
        if found != true
    ]


class Held(NamedTuple):
    """Whether the interval of one company holds the effect of the law, and that on its own customers."""

    law: bool
    customers: bool


class Arms(NamedTuple):
    """The arms of one company: how many were kept, of how many, and the effect on its own customers."""

    offers: Share
    held_out: Share
    effect: float


def arms_of(seed: int, customers: int) -> Arms:
    """Return the arms that ``Truth`` has, out of the dice alone; a customer counts by the first session."""
    offers, held_out = [0, 0], [0, 0]
    kept_more = 0
    for drawn in draw(seed, customers):
        # The comparison begins with the first of the hold-out.
        if not drawn.fits or not (held_out[1] or drawn.hold_out):
            continue
        arm = held_out if drawn.hold_out else offers
        arm[0] += drawn.kept
        arm[1] += 1
        kept_more += drawn.with_offers - drawn.without
    return Arms(Share(*offers), Share(*held_out), kept_more / (offers[1] + held_out[1]))


def holds_the_truth(seed: int, customers: int) -> Held:
    """Tell which true effects the interval of one company holds."""
    arms = arms_of(seed, customers)
    interval = difference(arms.offers, arms.held_out)
    assert interval is not None  # both arms have sessions
    return Held(interval.holds(TRUE_EFFECT), interval.holds(arms.effect))


def rates_told(held: Sequence[Held]) -> str:
    """Say how often the interval held each effect, how sure that rate is, and of how many of the first hundred."""
    return "\n".join(
        (
            _rate_told("law", [each.law for each in held]),
            _rate_told("these customers", [each.customers for each in held]),
        )
    )


def _rate_told(name: str, held: Sequence[bool]) -> str:
    rate = Share(sum(held), len(held))
    sure = rate.interval
    assert sure is not None  # there is a seed
    firsts = [
        f"{sum(held[:first])} of the first {first}" for first in (100, 1000) if first < len(held)
    ]
    return (
        f"{name}: the true effect lies inside its interval for {rate.part} of {rate.whole} seeds: "
        f"{100 * rate.part / rate.whole:.1f}% ({100 * sure.low:.1f}% to {100 * sure.high:.1f}%), "
        f"and for {' and '.join(firsts)}"
    )


async def main(customers: int = 20_000, seeds: int = 10_000) -> None:
    """Make the whole company and print how its figures come out."""
    company = list(make_company(0, customers))
    truth = Truth()
    for made in company:
        truth.add(made)

    with EmbeddedPostgres() as postgres:
        url = await postgres.create_database("generated_company")
        async with asyncpg.create_pool(url, min_size=1, max_size=2) as pool:
            async with pool.acquire() as connection:
                await migrate(connection)
                await store(connection, company)
            wrong = await differences(Figures(pool, "test", within_s=60), truth)
    print(
        f"{customers} customers, {len(company)} sessions: {'every count is exact' if not wrong else '; '.join(wrong)}"
    )

    print(rates_told([holds_the_truth(seed, customers) for seed in range(seeds)]))


if __name__ == "__main__":
    asyncio.run(main(seeds=int(sys.argv[1]) if len(sys.argv) > 1 else 10_000))
