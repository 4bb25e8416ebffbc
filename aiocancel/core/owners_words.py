"""What the core tells an owner of figures, offers and conditions: the English words, and how they are filled in. Pure.

A sentence is told as its key and its values, so that a page can say it in the owner's language; the command line says
it in English. A key that ends in ``_one`` is the same text for a ``count`` of one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Final

from aiocancel.core.money import major_units
from aiocancel.core.sentences import Money, Percent, Points, Sentence, Value

ENGLISH: Final[Mapping[str, str]] = {
    # Lists, bounds and brackets.
    "comma": "{first}, {last}",
    "or": "{first} or {last}",
    "and": "{first} and {last}",
    "brackets": "({part})",
    "not": "not ({part})",
    "at_least": "at least {value}",
    "at_most": "at most {value}",
    "from_to": "{low} to {high}",
    "both": "{first} {last}",
    "value": "{value}",
    # Shares.
    "share_of_few": "{part} of {whole}",
    "share": "{share} ({low} to {high}, {part} of {whole})",
    # Offers against the hold-out.
    "hold_out_off": "Nothing to compare with: hold_out_percent is {percent}.",
    "hold_out_undated": "Fix a day in hold_out_decide_on, or weekly looks will mislead you.",
    "hold_out_before": "No verdict before {day}.",
    "hold_out_late": "Too few by {day}: fix a later day in hold_out_decide_on.",
    "hold_out_more": "Not enough yet: about {count} more subscriptions.",
    "hold_out_more_one": "Not enough yet: about 1 more subscription.",
    "hold_out_pace": "At {pace} a week that is about {count} weeks.",
    "hold_out_pace_one": "At {pace} a week that is about 1 week.",
    "less_than_one": "less than 1",
    "hold_out_unclear": "The data do not tell yet whether offers help.",
    "hold_out_stayed": "More of those due an offer stayed: {points} points ({low} to {high}).",
    "hold_out_left": "Fewer of those due an offer stayed: {points} points ({low} to {high}).",
    # What offers give.
    "coupon_once": "{off} off the next payment",
    "coupon_forever": "{off} off every payment",
    "coupon_months": "{off} off for {count} months",
    "coupon_months_one": "{off} off for 1 month",
    "trial": "{count} more days of trial",
    "trial_one": "1 more day of trial",
    "pause": "a pause of {months} months",
    "pause_one": "a pause of 1 month",
    "plan_now": "the price {price}, at once",
    "plan_later": "the price {price}, when the period ends",
    "handled": "{title}, by your handler",
    # What they cost.
    "cost_share": "{share} of a year's payments",
    "cost_nothing": "nothing",
    "cost_and_more": "{value}, and what is not known here",
    # Who they are made to.
    "if_reason": "the reason is {values}",
    "if_price": "the price is {values}",
    "if_amount": "a payment is {bounds} {currency} in minor units",
    "if_paid": "it is paid every {values}",
    "if_paid_each": "it is paid every {number} {values}",
    "if_run": "it has run for {bounds} months",
    "if_status": "its status is {values}",
    "if_country": "the country is {values}",
    "if_place": "the place is {values}",
    "if_column": "the column {name} is {values}",
    "if_offers": "{bounds} offers were taken before",
    "if_cancellations": "{bounds} cancellations came before",
    "day": "day",
    "week": "week",
    "month": "month",
    "year": "year",
    "days": "days",
    "weeks": "weeks",
    "months": "months",
    "years": "years",
    # What rules forbid.
    "never": "never {subjects}",
    "rule_where": "{rule} where {condition}",
    "rule_without": "{rule} without {consent}",
    "subject_coupon": "coupon",
    "subject_trial": "trial",
    "subject_pause": "pause",
    "subject_plan": "plan",
    "subject_custom": "custom",
    "subject_question": "question",
    "consent_permission": "permission",
    "consent_declaration": "declaration",
    # What a walk through every path proves.
    "promise_screens": "no path has more than {number} screens",
    "promise_exit": "the exit works on every screen",
    "promise_buttons": "every button works",
    "promise_no_answer": "no answer is needed to go on",
    "promise_declined": "a declined offer does not come back",
    "promise_most": "no more offers are shown than are allowed",
    "promise_forbidden": "no offer is shown that a rule forbids",
    # A path on which it does not hold.
    "any_customer": "any customer",
    "not_known": "not known: {part}",
    "if_no_reason": "no reason is given",
    "path": "{customer}; {reason}: {way}",
    "then": "{first} > {last}",
    "screen_why": "why",
    "screen_permission": "permission",
    "screen_exit": "exit",
    "screen_outcome": "outcome",
    "end_open": "open",
    "end_canceled": "canceled",
    "end_accepted": "accepted",
    "end_abandoned": "abandoned",
}
"""The English text of each key."""


def in_english(sentence: Sentence) -> str:
    """Return a sentence in English."""
    key = key_of(sentence, ENGLISH)
    return ENGLISH[key].format(**{name: _written(value) for name, value in sentence.values.items()})


def key_of(sentence: Sentence, texts: Mapping[str, str]) -> str:
    """Return the key of a sentence's text, that for one where there is one and ``count`` is one."""
    one = f"{sentence.key}_one"
    return one if sentence.values.get("count") == 1 and one in texts else sentence.key


def listed(key: str, parts: Sequence[Value]) -> Value:
    """Join the parts of a list, the last one by ``or`` or ``and``, those before it by commas.

    Args:
        key: ``or`` or ``and``.
        parts: At least one.
    """
    first, *between = parts[:-1] or parts
    for each in between:
        first = Sentence("comma", {"first": first, "last": each})
    return Sentence(key, {"first": first, "last": parts[-1]}) if len(parts) > 1 else first


def _written(value: Value) -> str:
    match value:
        case Sentence():
            return in_english(value)
        case Percent():
            return f"{value.value}%"
        case Points():
            sign = "+" if value.points > 0 else "−" if value.points < 0 else ""
            return f"{sign}{abs(value.points)}"
        case Money():
            return f"{major_units(value.minor, value.currency)} {value.currency.upper()}"
        case date():
            return f"{value.day} {value:%B %Y}"
        case _:
            return str(value)
