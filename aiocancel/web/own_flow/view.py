"""A screen of our own flow in a customer's words: what its template shows. Pure, and without markup."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any, Final, NamedTuple, assert_never

from aiocancel.core.declaration import ShownBlock
from aiocancel.core.flow.answers import LONGEST_ANSWER, NO_ANSWERS, Answers
from aiocancel.core.flow.definition import (
    STANDARD_REASONS,
    CouponOffer,
    HandledOffer,
    PauseOffer,
    PlanOffer,
    Reason,
    TrialOffer,
)
from aiocancel.core.flow.own_words import words_in
from aiocancel.core.flow.price_effect import NextKind, PriceEffect, Rate, TodayKind
from aiocancel.core.flow.screen import (
    OfferOnScreen,
    PauseChoice,
    Screen,
    Situation,
    SubscriptionFacts,
)
from aiocancel.core.flow.steps import FlowStep
from aiocancel.core.sentences import Money, Percent, Sentence, Value
from aiocancel.web.languages import Words

TEMPLATES: Final[Mapping[FlowStep, str]] = {
    FlowStep.WHY: "why.html",
    FlowStep.PERMISSION: "permission.html",
    FlowStep.OFFER: "offer.html",
    FlowStep.EXIT: "exit.html",
}
"""The template of each screen; the outcome has that of every flow."""

# As many characters as a button of the least width holds, whatever they are.
_FITS: Final = 18

FOLLOW_UP: Final = "follow_up-"
"""What the name of a reason's own field begins with; the reason's key follows."""


class Problem(NamedTuple):
    """One mistake in what was posted: the text's key, and the field it is about."""

    key: str
    field: str


@dataclass(frozen=True, slots=True)
class Shown:
    """What a screen says beside the screen itself.

    Args:
        problem: A mistake in what was posted.
        note: The key of a line above the question, such as that the page was open for too long.
        answers: What was posted and could not be kept; it stands in the fields again.
    """

    problem: Problem | None = None
    note: str | None = None
    answers: Answers | None = field(default=None, repr=False)


AS_IT_IS: Final = Shown()


def view_of(screen: Screen, words: Words, besides: Shown = AS_IT_IS) -> dict[str, Any]:
    """Return the values of a screen's template.

    Args:
        screen: The screen; not that of the outcome.
        words: The customer's.
        besides: What is said besides.
    """
    if besides.answers is not None:
        screen = replace(screen, answers=besides.answers)
    plan = screen.facts.plan
    title = titled("flow_title", plan, words)
    view: dict[str, Any] = {
        "title": title,
        "head_title": title,
        "step": screen.step.value,
        # The button that Enter presses in a field.
        "enter": "continue" if screen.step is FlowStep.WHY else "look",
        "facts": fact_lines(screen.facts, words),
        "exit_button": exit_label(screen.facts, words),
        # To leave the page of one that ends already does not keep it; another link leads to what does.
        "leave_link": words.text("back_link" if screen.facts.is_ending else "keep_button"),
        "keep_link": words.text("keep_button") if screen.facts.is_ending else None,
        "unpause_link": words.text("end_pause_link") if screen.facts.is_paused else None,
        "wide": False,
        "note": None if besides.note is None else words.text(besides.note),
        "problem": None,
    }
    if besides.problem is not None:
        view["head_title"] = words.text("flow_error_title", title=title)
        view["problem"] = _problem(besides.problem, words)

    match screen.step:
        case FlowStep.WHY:
            return view | _why(screen, words)
        case FlowStep.PERMISSION:
            return view | {
                "question": words.text("flow_permission"),
                "permit_button": words.text("flow_permission_button"),
            }
        case FlowStep.OFFER if screen.offer is not None:
            offered = _offer(screen.facts, screen.offer, words)
            return (
                view | offered | {"wide": _is_wide(offered["accept_button"], view["exit_button"])}
            )
        case _:
            return view | _plain_exit(screen.answers, words)


def view_after(screen: Screen | None, words: Words, besides: Shown = AS_IT_IS) -> dict[str, Any]:
    """Return what the page of an outcome asks and offers after a declaration to leave; empty where that is nothing.

    Args:
        screen: What there is to ask and to offer.
        words: The customer's.
        besides: What is said besides.
    """
    view: dict[str, Any] = {
        "note": None if besides.note is None else words.text(besides.note),
        "problem": None if besides.problem is None else _problem(besides.problem, words),
        "thanks": None,
        "question": None,
        "offer": None,
    }
    if screen is None:
        return view if besides.note is not None else {}

    if screen.answers != NO_ANSWERS:
        view["thanks"] = words.text("flow_thanks")
    elif screen.may_ask and screen.reasons:
        answers = screen.answers if besides.answers is None else besides.answers
        asked = _why(replace(screen, answers=answers), words)
        view["question"] = {**asked, "send_button": words.text("flow_send")}
    if screen.offer is not None:
        view["offer"] = {
            **_offer(screen.facts, screen.offer, words),
            "accept_button": keep_label(screen.facts, screen.offer, words),
            "takes_back": words.text("flow_takes_back"),
        }
    is_empty = not any((view["note"], view["thanks"], view["question"], view["offer"]))
    return {} if is_empty else view


def keep_label(facts: SubscriptionFacts, shown: OfferOnScreen, words: Words) -> str:
    """Return the words on the button that takes a cancellation back for an offer."""
    match shown.offer:
        case CouponOffer() as offer:
            off: Value = shown.off or Percent(_decimal(offer))
            return words.text("flow_keep_coupon_button", off=off)
        case PauseOffer():
            return words.text("flow_keep_pause_button")
        case TrialOffer():
            return words.text("flow_keep_trial_button")
        case _:
            # No other kind is offered there.
            return accept_label(facts, shown, words)


def template_of(screen: Screen) -> str:
    """Return the name of a screen's template; a screen whose offer is missing is the plain exit."""
    if screen.step is FlowStep.OFFER and screen.offer is None:
        return TEMPLATES[FlowStep.EXIT]
    return TEMPLATES[screen.step]


# --- the head ---------------------------------------------------------------------------------------------


def fact_lines(facts: SubscriptionFacts, words: Words) -> list[str]:
    """Say what a cancellation would do to this subscription, one fact in each line."""
    lines = [_when(facts, words)]
    at = facts.ends_at
    if facts.is_ending and at is not None:
        lines.insert(0, words.text("already_text_at", date=at))
    if facts.situation is Situation.PAUSED and at is not None:
        lines.append(words.text("confirm_text_at_period_end_at", date=at))
    if facts.situation is Situation.DATE_IS_UNKNOWN:
        lines.append(words.text("flow_fact_unknown_account"))
    if facts.still_open is not None:
        lines.append(words.say(facts.still_open))
    if len(facts.items) > 1:
        lines.append(words.text("flow_fact_items", items=", ".join(facts.items)))

    return lines


def _when(facts: SubscriptionFacts, words: Words) -> str:
    at = facts.ends_at

    match facts.situation:
        case Situation.ENDS_AT_ONCE:
            return words.text("flow_fact_now")
        case Situation.PAUSED if facts.paused_until is not None:
            return words.text("flow_fact_paused_until", date=facts.paused_until)
        case Situation.PAUSED:
            return words.text("flow_fact_paused")
        case Situation.TRIAL if at is not None:
            return words.text("confirm_trial_at", date=at)
        case Situation.SET_END if at is not None:
            return words.text("flow_fact_term", date=at)
        case _ if at is not None:
            return words.text("confirm_text_at_period_end_at", date=at)
        case _:
            return words.text("flow_fact_unknown")


def exit_label(facts: SubscriptionFacts, words: Words) -> str:
    """Return the words of the button that cancels."""
    at_once = facts.situation is Situation.ENDS_AT_ONCE
    return words.text("flow_exit_now" if at_once else "confirm_button")


def _is_wide(accept: str, leave: str) -> bool:
    """Whether both buttons have to be as wide as the page, for the one that cancels not to be the smaller one."""
    return len(accept) > max(_FITS, len(leave))


def titled(key: str, plan: str | None, words: Words) -> str:
    """Return a heading with the plan's name in it, where it is known."""
    return words.text(key) if plan is None else words.text(f"{key}_plan", plan=plan)


def _problem(problem: Problem, words: Words) -> dict[str, str]:
    return {
        "heading": words.text("flow_problem"),
        "text": words.text(problem.key, **({"count": LONGEST_ANSWER} if _counts(problem) else {})),
        "field": problem.field,
    }


def _counts(problem: Problem) -> bool:
    return problem.key == "flow_too_long"


# --- why --------------------------------------------------------------------------------------------------

_STANDARD: Final = {reason.key for reason in STANDARD_REASONS}


def _why(screen: Screen, words: Words) -> dict[str, Any]:
    answers = screen.answers
    return {
        "question": words.text("flow_why"),
        "hint": words.text("flow_why_hint"),
        "reasons": [_reason(each, answers, words) for each in screen.reasons],
        "comment_label": words.text("flow_more"),
        "comment": answers.comment or "",
        "longest": LONGEST_ANSWER,
        "characters_left": words.text("flow_left"),
        "continue_button": words.text("flow_continue"),
    }


def _reason(reason: Reason, answers: Answers, words: Words) -> dict[str, Any]:
    chosen = answers.reason == reason.key
    follow_up = None
    if reason.has_field:
        asked = reason.follow_up
        follow_up = (
            words.text("flow_follow_up") if asked is None else words_in(asked, words.language)
        )

    return {
        "key": reason.key,
        "text": reason_words(reason, words),
        "chosen": chosen,
        "follow_up": follow_up,
        "field": f"{FOLLOW_UP}{reason.key}",
        "said": (answers.follow_up or "") if chosen else "",
    }


def reason_words(reason: Reason, words: Words) -> str:
    """Return a reason in the customer's words: the owner's, or ours for one of Stripe's eight."""
    if reason.words is None:
        return words.text(f"reason_{reason.key if reason.key in _STANDARD else 'other'}")
    return words_in(reason.words, words.language)


def _plain_exit(answers: Answers, words: Words) -> dict[str, Any]:
    said = any((answers.reason, answers.follow_up, answers.comment))
    return {"thanks": words.text("flow_thanks") if said else None}


# --- the offer --------------------------------------------------------------------------------------------


class _Words(NamedTuple):
    """What is offered, in words: the heading after "Or:", the sentence, and the button."""

    offer: str
    text: str
    button: str


def _offer(facts: SubscriptionFacts, shown: OfferOnScreen, words: Words) -> dict[str, Any]:
    said = _said(facts, shown, words)
    offer = shown.offer
    changes: Sequence[str] = ()
    if isinstance(offer, PlanOffer):
        changes = [words_in(each, words.language) for each in offer.changes]
    # Each length of a pause has its own day beside it: no row may name that of another.
    is_several = len(shown.choices) > 1
    rows = [] if shown.price is None or is_several else price_rows(shown.price, facts.plan, words)
    notes = [] if shown.price is None else price_notes(shown.price, words)
    if isinstance(offer, PauseOffer) and not rows and not _all_paid(shown.choices):
        notes = [words.text("flow_no_amounts")]

    return {
        "heading": words.text("flow_or", offer=said.offer),
        "text": said.text,
        "offer": offer.key,
        "changes_heading": words.text("flow_plan_changes"),
        "changes": changes,
        "rows": rows,
        "notes": notes,
        "choices": [
            {"months": each.months, "text": _choice(each, words)} for each in shown.choices
        ],
        "choices_question": words.text("flow_pause_how_long"),
        "accept_button": said.button,
        "another_button": words.text("flow_another") if shown.another_follows else None,
        "leave_link": words.text("flow_keep_as_it_is"),
    }


def block_of(
    facts: SubscriptionFacts, shown: OfferOnScreen, words: Words, months: int | None = None
) -> ShownBlock:
    """Return an offer as its screen told it, to be kept with what was pressed.

    Args:
        facts: Those of the screen.
        shown: The offer.
        words: The customer's.
        months: The choice in a pause; None keeps all choices.
    """
    view = _offer(facts, shown, words)
    chosen = [each["text"] for each in view["choices"] if months in (None, each["months"])]
    lines = [view["text"], *view["changes"], *chosen, *view["notes"]]
    return ShownBlock(
        _said(facts, shown, words).offer, tuple(filter(None, lines)), tuple(view["rows"])
    )


def accept_label(facts: SubscriptionFacts, shown: OfferOnScreen, words: Words) -> str:
    """Return the words on the button that accepts an offer."""
    return _said(facts, shown, words).button


def _all_paid(choices: Sequence[PauseChoice]) -> bool:
    return bool(choices) and all(
        each.amount is not None and each.next_payment is not None for each in choices
    )


def _choice(choice: PauseChoice, words: Words) -> str:
    if choice.amount is None or choice.next_payment is None:
        return words.say(Sentence("flow_pause_months", {"count": choice.months}))
    values: dict[str, Value] = {
        "count": choice.months,
        "amount": choice.amount,
        "date": choice.next_payment,
    }
    return words.say(Sentence("flow_pause_months_paid", values))


def _said(facts: SubscriptionFacts, shown: OfferOnScreen, words: Words) -> _Words:
    offer = shown.offer

    match offer:
        case CouponOffer():
            return _coupon(offer, facts, shown, words)
        case PauseOffer():
            return _Words(
                words.text("flow_pause"),
                words_in(offer.sentence, words.language),
                words.text("flow_pause_button"),
            )
        case PlanOffer():
            return _plan(offer, facts, shown, words)
        case TrialOffer():
            at = None if shown.price is None else shown.price.next_payment.at
            return _Words(
                words.say(Sentence("flow_trial", {"count": offer.days})),
                words.text("flow_trial_text_undated")
                if at is None
                else words.text("flow_trial_text", date=at),
                words.text("flow_trial_button"),
            )
        case HandledOffer():
            return _Words(
                words_in(offer.title, words.language),
                words_in(offer.sentence, words.language),
                words_in(offer.verb, words.language),
            )
        case _:  # pragma: no cover - mypy shows that no case is left
            assert_never(offer)


def _coupon(
    offer: CouponOffer, facts: SubscriptionFacts, shown: OfferOnScreen, words: Words
) -> _Words:
    off: Value = shown.off or Percent(_decimal(offer))
    if offer.months == "forever":
        heading = words.text("flow_coupon_forever", off=off)
    else:
        count = 1 if offer.months == "once" else offer.months
        counted = "payments" if offer.months == "once" or _is_each(count, shown.price) else "months"
        heading = words.say(Sentence(f"flow_coupon_{counted}", {"off": off, "count": count}))

    text = (
        words.text("flow_coupon_text_unnamed")
        if facts.plan is None
        else words.text("flow_coupon_text", plan=facts.plan)
    )
    return _Words(heading, text, words.text("flow_coupon_button", off=off))


def _decimal(offer: CouponOffer) -> Decimal:
    return Decimal(0 if offer.percent_off is None else offer.percent_off)


def _is_each(months: int, price: PriceEffect | None) -> bool:
    """Tell whether each of the months has a payment that the coupon reduces; in a trial or a pause some have none."""
    if price is None:
        return False
    last, first = price.from_then_on[-1], price.next_payment.at
    if (last.interval, last.interval_count) != ("month", 1):
        return False
    whole = last.since
    reduced = 1 if whole is None else (whole.year - first.year) * 12 + whole.month - first.month
    return reduced == months


def _plan(offer: PlanOffer, facts: SubscriptionFacts, shown: OfferOnScreen, words: Words) -> _Words:
    other = shown.plan or words.text("flow_other_plan")
    heading = (
        words.text("flow_plan_unpriced", plan=other)
        if shown.plan_price is None
        else words.text("flow_plan", plan=other, price=words.say(shown.plan_price))
    )
    if offer.at == "now":
        return _Words(
            heading,
            words.text("flow_plan_now", plan=other),
            words.text("flow_plan_button_now", plan=other),
        )

    at = facts.ends_at if shown.price is None else shown.price.next_payment.at
    if at is None:
        return _Words(heading, "", words.text("flow_plan_unpriced", plan=other))
    text = (
        words.text("flow_plan_later_unnamed", date=at, other=other)
        if facts.plan is None
        else words.text("flow_plan_later", plan=facts.plan, date=at, other=other)
    )
    return _Words(heading, text, words.text("flow_plan_button_later", plan=other, date=at))


# --- the price --------------------------------------------------------------------------------------------


def price_rows(price: PriceEffect, plan: str | None, words: Words) -> list[tuple[str, str]]:
    """Return the three rows of a price: their labels and texts."""
    return [
        (words.text("flow_today"), _today(price, plan, words)),
        (words.text("flow_next"), _next(price, words)),
        (words.text("flow_then"), _then(price, words)),
    ]


def price_notes(price: PriceEffect, words: Words) -> list[str]:
    """Return what is to be known of the sums: tax, discounts that stay, and invoices that are paid later."""
    notes = []
    if price.tax is not None:
        notes.append(words.text(f"flow_tax_{price.tax}"))
    if price.keeps_discounts:
        notes.append(words.text("flow_discount_stays"))
    if price.by_invoice:
        notes.append(words.text("flow_by_invoice"))
    return notes


def _today(price: PriceEffect, plan: str | None, words: Words) -> str:
    today = price.today

    match today.kind:
        case TodayKind.PAY if today.amount is not None:
            return words.money(today.amount)
        case TodayKind.CREDIT_IS_KEPT if today.amount is not None:
            return words.text("flow_nothing_credit", amount=today.amount)
        case TodayKind.PLAN_IS_KEPT if plan is not None:
            return words.text("flow_nothing_keep", plan=plan)
        case TodayKind.NOTHING_CHANGES:
            return words.text("flow_nothing_changes")
        case _:
            return words.text("flow_nothing_to_pay")


_NEXT: Final[Mapping[NextKind, str]] = {
    NextKind.PLAIN: "flow_next_on",
    NextKind.NOTHING: "flow_next_on",
    NextKind.UNLESS_CANCELED: "flow_next_unless",
    NextKind.AFTER_CREDIT: "flow_next_credit",
    NextKind.AS_BEFORE: "flow_next_as_before",
}


def _next(price: PriceEffect, words: Words) -> str:
    row = price.next_payment
    amount = _amount(row.amount, price, words)
    if row.kind is NextKind.NOTHING:
        # A sum of 0 reads like a mistake.
        amount = _with_usage(words.text("flow_nothing_amount"), price, words)
    if row.kind in (NextKind.PLAIN, NextKind.NOTHING) and row.instead_of is not None:
        return words.text("flow_next_instead", amount=amount, date=row.at, before=row.instead_of)
    return words.text(_NEXT[row.kind], amount=amount, date=row.at)


def _then(price: PriceEffect, words: Words) -> str:
    rates = price.from_then_on
    said = [_rate(each, price, words) for each in rates]

    if len(rates) == 2 and rates[0].until is not None and rates[1].since is not None:
        return words.text(
            "flow_then_until",
            price=said[0],
            until=rates[0].until,
            later=said[1],
            date=rates[1].since,
        )
    if len(rates) == 1 and rates[0].since is not None:
        return words.text("flow_then_from", price=said[0], date=rates[0].since)
    return ", ".join(said)


def _rate(rate: Rate, price: PriceEffect, words: Words) -> str:
    amount: Value = _amount(rate.amount, price, words)
    values: dict[str, Value] = {"price": amount, "count": rate.interval_count}
    said = words.say(Sentence(f"price_per_{rate.interval}", values))
    return words.text("flow_then_as_before", price=said) if rate.as_before else said


def _amount(amount: Money, price: PriceEffect, words: Words) -> Value:
    return _with_usage(amount, price, words)


def _with_usage(amount: Value, price: PriceEffect, words: Words) -> Value:
    return words.text("flow_plus_usage", amount=amount) if price.plus_usage else amount
