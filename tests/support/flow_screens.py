"""Every screen of a flow of the site's own, drawn."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from aiocancel.core.flow.answers import Answers
from aiocancel.core.flow.definition import (
    STANDARD_REASONS,
    CouponOffer,
    HandledOffer,
    PauseOffer,
    PlanOffer,
    Reason,
    TrialOffer,
)
from aiocancel.core.flow.price_effect import (
    NextKind,
    NextRow,
    PriceEffect,
    Rate,
    TodayKind,
    TodayRow,
)
from aiocancel.core.flow.screen import (
    OfferOnScreen,
    PauseChoice,
    Screen,
    Situation,
    SubscriptionFacts,
)
from aiocancel.core.flow.steps import FlowStep, SessionState
from aiocancel.core.sentences import Money, Sentence
from aiocancel.core.theme import Theme
from aiocancel.web import pages
from aiocancel.web.languages import Words
from aiocancel.web.own_flow.view import Problem, Shown, template_of, view_after, view_of

END = datetime(2026, 12, 26, 12, tzinfo=UTC)
FEBRUARY = datetime(2027, 2, 26, 12, tzinfo=UTC)
MARCH = datetime(2027, 3, 26, 12, tzinfo=UTC)
WORDS = Words("en", {})
EUROS_29, EUROS_14 = Money(2900, "eur"), Money(1450, "eur")
MONTHLY = Sentence("price_per_month", {"price": EUROS_29, "count": 1})
FACTS = SubscriptionFacts(Situation.PERIOD_END, END, "Pro", MONTHLY)
NOTHING = TodayRow(TodayKind.NOTHING)
DISCOUNT = PriceEffect(
    NOTHING,
    NextRow(NextKind.PLAIN, EUROS_14, END, EUROS_29),
    (
        Rate(EUROS_14, "month", 1, until=FEBRUARY),
        Rate(EUROS_29, "month", 1, since=MARCH),
    ),
    tax="included",
    keeps_discounts=True,
)


def effect(
    today: TodayRow = NOTHING,
    kind: NextKind = NextKind.PLAIN,
    amount: Money = EUROS_29,
    at: datetime = END,
    *,
    then: Money = EUROS_29,
    as_before: bool = False,
    **more: Any,
) -> PriceEffect:
    return PriceEffect(
        today,
        NextRow(kind, amount, at),
        (Rate(then, "month", 1, as_before=as_before),),
        **more,
    )


NINE = Money(900, "eur")
OFFERS: Mapping[str, OfferOnScreen] = {
    "coupon": OfferOnScreen(CouponOffer("half", percent_off=50, months=3), DISCOUNT),
    "amount": OfferOnScreen(
        CouponOffer("ten", amount_off={"eur": 1000}),
        effect(amount=Money(1900, "eur")),
        off=Money(1000, "eur"),
        another_follows=True,
    ),
    "forever": OfferOnScreen(
        CouponOffer("always", percent_off=Decimal("12.5"), months="forever"), effect()
    ),
    "coupon of everything": OfferOnScreen(
        CouponOffer("free", percent_off=100, months=3),
        PriceEffect(
            NOTHING,
            NextRow(NextKind.NOTHING, Money(0, "eur"), END, EUROS_29),
            (Rate(EUROS_29, "month", 1, since=MARCH),),
        ),
    ),
    "pause": OfferOnScreen(
        PauseOffer("break", sentence="Your notes stay readable."),
        # That of the first choice, as it is kept.
        effect(at=FEBRUARY, tax="included"),
        choices=(
            PauseChoice(1, FEBRUARY, EUROS_29),
            PauseChoice(2, MARCH, EUROS_29),
        ),
    ),
    "pause without sums": OfferOnScreen(
        PauseOffer("break", sentence="Your notes stay readable."),
        choices=(PauseChoice(1), PauseChoice(3)),
    ),
    "pause of one length": OfferOnScreen(
        PauseOffer("break", months=(2,), sentence={"en": "It waits.", "de": "Es wartet."}),
        effect(at=FEBRUARY),
        choices=(PauseChoice(2, FEBRUARY, EUROS_29),),
    ),
    "plan now": OfferOnScreen(
        PlanOffer("basic", "price_basic", changes=("3 notebooks", "No export")),
        effect(
            TodayRow(TodayKind.CREDIT_IS_KEPT, Money(1400, "eur")),
            NextKind.AFTER_CREDIT,
            Money(400, "eur"),
            then=NINE,
        ),
        plan="Basic",
        plan_price=Sentence("price_per_month", {"price": NINE, "count": 1}),
    ),
    "plan later": OfferOnScreen(
        PlanOffer("basic", "price_basic", at="period_end"),
        effect(TodayRow(TodayKind.PLAN_IS_KEPT), amount=NINE, then=NINE),
        plan="Basic",
        plan_price=Sentence("price_per_month", {"price": NINE, "count": 1}),
    ),
    "dearer plan": OfferOnScreen(
        PlanOffer("team", "price_team"),
        effect(TodayRow(TodayKind.PAY, Money(1400, "eur")), amount=Money(4900, "eur"), tax="added"),
        plan="Team",
    ),
    "trial": OfferOnScreen(
        TrialOffer("longer", 14), effect(kind=NextKind.UNLESS_CANCELED, plus_usage=True)
    ),
    "custom": OfferOnScreen(
        HandledOffer("call", "a call with us", "We look at it together.", "Book a call"),
        effect(TodayRow(TodayKind.NOTHING_CHANGES), NextKind.AS_BEFORE, as_before=True),
    ),
}
REASONS = (
    *STANDARD_REASONS[:-1],
    Reason("pets", {"en": "My <cat> left", "de": "Die Katze ist weg"}, follow_up="Where to?"),
    Reason("bugs", "Too many bugs", free_text=True),
    STANDARD_REASONS[-1],
)


def screen(
    step: FlowStep = FlowStep.WHY, offer: OfferOnScreen | None = None, **known: Any
) -> Screen:
    values = {"facts": FACTS, "reasons": REASONS, **known}
    return Screen("flow_1", step, SessionState.OPEN, offer=offer, **values)


SCREENS: Mapping[str, Screen] = {
    "why": screen(),
    "why, answered": screen(answers=Answers("pets", "Away", "Bye")),
    "permission": screen(FlowStep.PERMISSION),
    "exit": screen(FlowStep.EXIT),
    "exit, answered": screen(FlowStep.EXIT, answers=Answers("unused")),
    **{name: screen(FlowStep.OFFER, offer) for name, offer in OFFERS.items()},
    **{
        f"facts: {situation.value}": screen(facts=SubscriptionFacts(situation, END, "Pro", MONTHLY))
        for situation in Situation
    },
    "owing nobody knows how much": screen(
        facts=replace(FACTS, still_open=Sentence("confirm_past_due"))
    ),
    "several items": screen(facts=replace(FACTS, items=("Pro", "3 seats", "Storage"))),
    "owing": screen(
        facts=replace(
            FACTS, still_open=Sentence("flow_fact_open", {"amount": EUROS_29, "date": END})
        )
    ),
    "paused with a day": screen(
        facts=replace(FACTS, situation=Situation.PAUSED, paused_until=FEBRUARY, is_paused=True)
    ),
    "nothing known": screen(facts=SubscriptionFacts(Situation.DATE_IS_UNKNOWN)),
}
# Of the same elements as others, so that no browser need draw them; their words are their own.
MORE_OFFERS: Mapping[str, OfferOnScreen] = {
    "pause of which one sum is unknown": OfferOnScreen(
        PauseOffer("break", sentence="Your notes stay readable."),
        effect(at=FEBRUARY),
        choices=(PauseChoice(1, FEBRUARY, EUROS_29), PauseChoice(3)),
    ),
    "coupon of one payment of three": OfferOnScreen(
        CouponOffer("half", percent_off=50, months=3), effect(amount=EUROS_14)
    ),
    "coupon by invoice": OfferOnScreen(
        CouponOffer("half", percent_off=50, months=3), replace(DISCOUNT, by_invoice=True)
    ),
}
MORE_SCREENS: Mapping[str, Screen] = {
    **{name: screen(FlowStep.OFFER, offer) for name, offer in MORE_OFFERS.items()},
    "ending already, and ending at once": screen(
        FlowStep.EXIT,
        facts=replace(FACTS, situation=Situation.ENDS_AT_ONCE, is_ending=True),
    ),
}
ENDS = replace(FACTS, situation=Situation.ALREADY_ENDING)


def after(offer: str | None = None, **known: Any) -> Screen:
    """What the page of an outcome asks and offers after a declaration to leave."""
    values = {"facts": ENDS, "reasons": REASONS, "may_ask": True, "claim_id": "c", **known}
    shown = None if offer is None else OFFERS[offer]
    return Screen("flow_1", FlowStep.OUTCOME, SessionState.OPEN, offer=shown, after=True, **values)


AFTER: Mapping[str, Screen] = {
    "question": after(),
    "question and coupon": after("coupon"),
    "amount, answered": after("amount", answers=Answers("unused")),
    "pause": after("pause"),
    "pause of one length": after("pause of one length"),
    "trial": after("trial"),
    "answered": after(answers=Answers("unused")),
}
PROBLEMS = {
    "": Shown(),
    "too long": Shown(Problem("flow_too_long", "comment"), answers=Answers(None, None, "x" * 501)),
    "no choice": Shown(Problem("flow_choose_months", "months")),
    "was open": Shown(note="flow_was_open"),
    "took long": Shown(note="flow_took_long"),
}


def drawn_after(of: Screen, words: Words = WORDS, besides: Shown = PROBLEMS[""]) -> str:
    """The page of an outcome with it."""
    view = view_after(of, words, besides)

    return pages.our_template("message.html").render(
        title=words.text("title_scheduled_plan", plan="Pro", date=END),
        text=words.text("outcome_usable"),
        outcome="scheduled",
        badge={"text": words.text("badge_cancelled"), "look": "done"},
        about=[(words.text("about_plan"), "Pro")],
        links=[{"url": "/account", "text": words.text("back_link")}],
        head_title=None,
        refresh_s=None,
        plain_page="/cancel",
        keep=None,
        after={"url": "/cancel?change=resume", "text": words.text("changed_mind_link")},
        follow=view and {**view, "action": "/cancel/flow/flow_1", "grant": "g1.a.b"},
        return_to="/account",
        lang=words.language,
        dir=words.direction,
        theme=Theme(name="Northwind <Notes>", help="/help"),
        help_link=words.text("help_link"),
        nonce="n",
        css="",
    )


def drawn(of: Screen, words: Words = WORDS, besides: Shown = PROBLEMS[""]) -> str:
    values = {
        **view_of(of, words, besides),
        "action": "/cancel/flow/flow_1",
        "unpause_url": "/cancel?change=unpause",
        "keep_url": "/cancel?change=resume",
        "grant": "g1.a.b",
        "return_to": "/account",
        "lang": words.language,
        "dir": words.direction,
        "theme": Theme(name="Northwind <Notes>", help="/help"),
        "help_link": words.text("help_link"),
        "refresh_s": None,
        "badge": None,
        "nonce": "n",
        "css": "",
    }

    return pages.our_template(template_of(of)).render(values)
