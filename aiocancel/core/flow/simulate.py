"""Play a definition over past customers: who would have been offered what, and the most it could have cost. Pure.

It says nothing of acceptance: nobody knows who would have taken an offer that was not made. It knows of a past customer
what the snapshot holds. Whether Stripe's subscription allowed an offer on that day, which rules held at the place, and
who would have been held out, is not played. Where the first offer is left out for such a reason, the next one is shown;
so every offer whose condition holds is counted: fewer may have been offered it, and more only of those of whom nobody
can tell. They are counted beside: a condition asks for a column that the snapshot does not hold, or for the reason,
where that was not asked, or answered with one that the definition does not have.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from math import ceil
from typing import Final

from aiocancel.core.flow.answers import Answers
from aiocancel.core.flow.cost import cost_of
from aiocancel.core.flow.definition import FlowDefinition, FlowOffer
from aiocancel.core.flow.snapshot import Snapshot
from aiocancel.core.offers.offer_rules import OfferRules

_ALL: Final = 100
# Payments in a year, at the most.
_A_YEAR: Final[Mapping[str, Fraction]] = {
    "day": Fraction(366),
    "week": Fraction(366, 7),
    "month": Fraction(12),
    "year": Fraction(1),
}


@dataclass(frozen=True, slots=True)
class PastSession:
    """A past session: the snapshot, None where there is none, the answers, and whether the reason was asked."""

    snapshot: Snapshot | None
    answers: Answers = field(repr=False)
    was_asked: bool = True


@dataclass(slots=True)
class Offered:
    """What one offer would have come to.

    Args:
        times: How many customers could have been offered it, at most, those of whom it cannot be told aside.
        amounts: The most it could have cost in a year, in minor units, for each currency.
        of_unknown_cost: How many of them have no price that is known, or the offer no cost that is known.
        unknown: How many more there are of whom nobody can tell whether its condition holds; in no other number here.
    """

    times: int = 0
    amounts: dict[str, int] = field(default_factory=dict[str, int])
    of_unknown_cost: int = 0
    unknown: int = 0


@dataclass(slots=True)
class Simulated:
    """What a definition would have come to.

    Args:
        sessions: How many flow sessions there were.
        without_snapshot: Of whom nothing is known, so that nothing is said of them.
        nothing: For whom no condition held.
        unknown: For whom no condition held, and one of them could not be told.
        offers: Each offer of the definition, in its order.
    """

    sessions: int = 0
    without_snapshot: int = 0
    nothing: int = 0
    unknown: int = 0
    offers: dict[str, Offered] = field(default_factory=dict[str, Offered])


def simulate(
    definition: FlowDefinition, sessions: Iterable[PastSession], rules: OfferRules
) -> Simulated:
    """Play a definition over past customers.

    Args:
        definition: The owner's.
        sessions: The past ones.
        rules: How offers are carried out.
    """
    found = Simulated(offers={offer.key: Offered() for offer in definition.offers})

    for session in sessions:
        found.sessions += 1
        if session.snapshot is None:
            found.without_snapshot += 1
            continue
        said = _said(definition, session)
        truths = [_holds(offer, session.snapshot, said) for offer in definition.offers]
        for offer, holds in zip(definition.offers, truths, strict=True):
            if holds:
                _add(found.offers[offer.key], offer, session.snapshot, rules)
            elif holds is None:
                found.offers[offer.key].unknown += 1
        if True not in truths:
            found.unknown += None in truths
            found.nothing += None not in truths
    return found


def _said(definition: FlowDefinition, session: PastSession) -> Sequence[Answers]:
    """Return the answers, or each that the customer might have given to this definition's question."""
    reason = session.answers.reason
    is_known = session.was_asked if reason is None else definition.reason(reason) is not None
    if is_known:
        return [session.answers]
    keys = (None, *(each.key for each in definition.reasons))
    return [replace(session.answers, reason=key) for key in keys]


def _holds(offer: FlowOffer, snapshot: Snapshot, said: Sequence[Answers]) -> bool | None:
    if offer.when is None:
        return True
    found = {offer.when.holds(snapshot, answers) for answers in said}
    return found.pop() if len(found) == 1 else None


def _add(offered: Offered, offer: FlowOffer, snapshot: Snapshot, rules: OfferRules) -> None:
    offered.times += 1
    yearly = _yearly(snapshot)
    if yearly is None or snapshot.currency is None:
        offered.of_unknown_cost += 1
        return

    rhythm = (str(snapshot.interval), snapshot.interval_count or 1)
    cost = cost_of(offer, rhythm, rules, 1)
    if not cost.is_known:
        offered.of_unknown_cost += 1
        return
    payments, minor = yearly
    # A plan for two years has half a payment a year, and a customer who pays in that year pays the whole.
    paid = ceil(payments) * minor
    is_all = cost.percent >= _ALL
    share = paid if is_all else ceil(payments * minor * Fraction(cost.percent) / _ALL)
    before = offered.amounts.get(snapshot.currency, 0)
    # Nobody can be given more than they pay.
    given = min(share + cost.amounts.get(snapshot.currency, 0), paid)
    offered.amounts[snapshot.currency] = before + given


def _yearly(snapshot: Snapshot) -> tuple[Fraction, int] | None:
    """Return how many payments there are in a year on average, and each in minor units; None where nobody knows."""
    payments = _A_YEAR.get(snapshot.interval or "")
    if payments is None or snapshot.price_minor is None:
        return None
    return payments / (snapshot.interval_count or 1), snapshot.price_minor
