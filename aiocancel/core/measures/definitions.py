"""What each figure counts: one definition, from which the owner's page and the reference are made. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Definition:
    """One figure.

    Args:
        key: Its name in JSON, in CSV and in links.
        name: Its name for people.
        counts: What it counts, in one sentence.
        of: The whole that it is a part of; empty where it is none.
        leaves_out: What it does not count; empty where that needs no word.
        view: The view whose rows it counts, in the schema aiocancel.
        rows: The condition on those rows, as SQL; empty where all count.
    """

    key: str
    name: str
    counts: str
    of: str
    leaves_out: str
    view: str
    rows: str = ""

    @property
    def sql(self) -> str:
        """The statement that gives the figure for a range of days.

        ``:mode`` is ``live`` or ``test``, ``:a`` the first moment and ``:b`` the first after the last.
        """
        within = "mode = :mode AND started_at >= :a AND started_at < :b"
        where = f"{within}\n  AND {self.rows}" if self.rows else within
        return f"SELECT {self._selects}\nFROM aiocancel.{self.view}\nWHERE {where}{self._by}"

    @property
    def _selects(self) -> str:
        return _SELECTS.get(self.key, "count(*)")

    @property
    def _by(self) -> str:
        return _GROUPS.get(self.key, "")


_SELECTS: Final = {
    "kept_revenue": "currency, sum(paid_minor) AS kept_minor",
    "cost_of_offers": "currency, sum(given_minor) AS given_minor",
    # A customer who answered a vendor's question saw each reason that vendors tell.
    "reasons": """reason, count(*) FILTER (WHERE chosen) AS chosen,
    count(*) FILTER (WHERE shown_at IS NOT NULL OR reason = '')
        + CASE WHEN count(*) FILTER (WHERE shown_at IS NULL AND reason <> '') > 0
            THEN sum(count(*) FILTER (WHERE shown_at IS NULL AND reason <> '')) OVER () ELSE 0 END AS shown""",
    "hold_out": "held_out, count(*) FILTER (WHERE kept) AS kept, count(*) AS due",
    "kept_30": "count(*) FILTER (WHERE kept) AS kept, count(*) AS read",
    "kept_60": "count(*) FILTER (WHERE kept) AS kept, count(*) AS read",
    "kept_90": "count(*) FILTER (WHERE kept) AS kept, count(*) AS read",
}
_GROUPS: Final = {
    "kept_revenue": "\nGROUP BY currency",
    "cost_of_offers": "\nGROUP BY currency",
    "reasons": "\nGROUP BY reason",
    "hold_out": "\nGROUP BY held_out",
}


def _come(day: int) -> str:
    """The condition that a session's day has come: those who leave are read before it, and those who stay are not."""
    return f"started_at < now() - interval '{day} days'"


def _not_come(day: int) -> str:
    return (
        f"Sessions that began less than {day} days ago do not count, even where the subscription has ended already: "
        "a customer who leaves is known early, and one who stays on the day."
    )


def _kept(day: int) -> Definition:
    return Definition(
        f"kept_{day}",
        f"Kept on day {day}",
        f"Sessions whose subscription Stripe showed active and not ending on day {day}, and for which an invoice with "
        "money on it was paid since the session began.",
        f"sessions that were read on day {day}",
        "Paused subscriptions, trials and unpaid ones are not kept; each has a state of its own. A yearly plan counts "
        "as kept only once its next invoice is paid. Readings that came late count, and are marked. "
        f"{_not_come(day)}",
        "v_kept",
        f"day = {day} AND {_come(day)}",
    )


DEFINITIONS: Final = (
    Definition(
        "sessions",
        "Sessions",
        "Runs through a cancellation flow, our own or a vendor's, one for each time that a customer opened it.",
        "",
        "A vendor's flow that was closed without any result is not known here. Of the time before this release only "
        "cancellations are known, without their price.",
        "v_sessions",
    ),
    Definition(
        "canceled",
        "Confirmed cancellations",
        "Sessions in which the customer pressed the button that cancels, and that were not taken back afterwards.",
        "sessions",
        "Cancellations made elsewhere, such as in Stripe's portal.",
        "v_sessions",
        "outcome = 'canceled'",
    ),
    Definition(
        "accepted",
        "Took an offer",
        "Sessions that ended with an accepted offer.",
        "sessions",
        "An accepted offer is no kept customer; that is read on days 30, 60 and 90.",
        "v_sessions",
        "outcome = 'accepted'",
    ),
    Definition(
        "declined",
        "Declined an offer",
        "Sessions that are over, in which at least one offer was shown and none was accepted.",
        "sessions in which an offer was shown",
        "Sessions of the hold-out, which are shown none.",
        "v_sessions",
        "offers_shown > 0 AND outcome NOT IN ('accepted', 'open') AND (outcome <> 'taken_back' OR offer IS NULL)",
    ),
    Definition(
        "abandoned",
        "Left without change",
        "Sessions that ended without a cancellation and without an accepted offer.",
        "sessions",
        "A closed tab is no saved customer: nothing is claimed of these but that they changed nothing here.",
        "v_sessions",
        "outcome = 'abandoned'",
    ),
    Definition(
        "taken_back",
        "Taken back",
        "Sessions whose cancellation the customer took back here before it took effect, by itself or for an offer that "
        "came after it.",
        "sessions",
        "Resumptions made elsewhere.",
        "v_sessions",
        "outcome = 'taken_back'",
    ),
    _kept(30),
    _kept(60),
    _kept(90),
    Definition(
        "kept_revenue",
        "Kept revenue",
        "What was paid on invoices after the session, tax included and less credit notes, until the latest reading.",
        "",
        "Discounts are off already, and stand beside it as the cost of offers. A chargeback, and a refund without a "
        "credit note, are on no invoice and are not taken off. It is never annualised and never added up over "
        "currencies. It includes customers who would have stayed anyway. An invoice counts once, for the last session "
        "before it.",
        "v_revenue",
        "is_latest",
    ),
    Definition(
        "cost_of_offers",
        "Cost of offers",
        "The discounts on invoices that were paid after a session with an accepted offer, until the latest reading.",
        "",
        "Free time of a pause or a longer trial is on no invoice, and no price is made up for it. A discount that the "
        "customer had before is counted as well, since an invoice does not tell the two apart. An invoice counts once, "
        "for the last accepted offer before it.",
        "v_revenue",
        "is_latest AND outcome = 'accepted'",
    ),
    Definition(
        "reasons",
        "Reasons",
        "Sessions in which the customer gave this reason.",
        "sessions that showed this reason",
        "Sessions in which it was not among the answers: each reason has its own denominator. A vendor tells the "
        "answer alone; there, each reason that was ever given counts as shown in every session with an answer.",
        "v_reasons",
    ),
    Definition(
        "hold_out",
        "Offers against none",
        "The kept on day 30 among those who were due an offer, less the kept among the hold-out.",
        "subscriptions for which an offer fitted, whether or not it was looked at, "
        "each once, by its first such session",
        "Later sessions of the same subscription, and sessions for which no offer fitted. The page and the report "
        "count since the hold-out began and until the day that hold_out_decide_on names, not the chosen days; the "
        "statement counts the range that it is given. The interval is Newcombe's, and no winner is named. "
        f"{_not_come(30)}",
        "v_hold_out",
        _come(30),
    ),
)
"""Every figure, in the order in which the pages show them."""

BY_KEY: Final = {each.key: each for each in DEFINITIONS}
