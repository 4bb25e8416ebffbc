"""What each screen of our own flow says: every step and every offer, drawn in six languages."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

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
from aiocancel.texts import CATALOGUES
from aiocancel.web import pages
from aiocancel.web.languages import Words
from aiocancel.web.own_flow.view import Problem, Shown, template_of, view_of
from aiocancel.web.style import style_sheet
from tests.support.web import Page

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
PROBLEMS = {
    "": Shown(),
    "too long": Shown(Problem("flow_too_long", "comment"), answers=Answers(None, None, "x" * 501)),
    "no choice": Shown(Problem("flow_choose_months", "months")),
    "was open": Shown(note="flow_was_open"),
}


def drawn(of: Screen, words: Words = WORDS, besides: Shown = PROBLEMS[""]) -> str:
    values = {
        **view_of(of, words, besides),
        "action": "/cancel/flow/flow_1",
        "unpause_url": "/cancel?change=unpause",
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


def text_of(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html.partition("<main")[2]))


@pytest.mark.parametrize("language", CATALOGUES)
@pytest.mark.parametrize("name", SCREENS)
def test_screen_has_its_exit_first_one_heading_and_nothing_chosen(name: str, language: str) -> None:
    html = drawn(SCREENS[name], Words(language, {}))
    page = Page(html)

    pressed = [each for each in page.controls if each[1].get("tabindex") != "-1"]
    assert pressed[0][1]["class"] == "aiocancel-button aiocancel-exit"
    assert pressed[0][1]["value"] == "cancel"
    # The first button of a form is the one that Enter presses.
    first = page.all("button")[0]
    assert first["value"] == ("continue" if SCREENS[name].step is FlowStep.WHY else "look")
    assert (first["tabindex"], first["aria-hidden"]) == ("-1", "true")
    assert len(page.all("h1")) == 1
    assert len(page.all("form")) == 1
    assert "disabled" not in html
    assert "required" not in html
    assert "style=" not in html
    if "answered" not in name:
        assert " checked" not in html
    assert "{" not in text_of(html)


@pytest.mark.parametrize("language", CATALOGUES)
@pytest.mark.parametrize("name", SCREENS)
def test_screen_names_all_its_fields(name: str, language: str) -> None:
    page = Page(drawn(SCREENS[name], Words(language, {}), PROBLEMS["too long"]))

    labelled = {each["for"] for each in page.all("label") if "for" in each}
    for tag, attributes in page.controls:
        if tag == "textarea" or attributes.get("type") == "text":
            assert attributes["id"] in labelled
    assert len(ids := [each["id"] for _, each in page.elements if "id" in each]) == len(set(ids))
    described = {each.get("aria-describedby") for _, each in page.elements} - {None}
    assert described <= set(ids)


# A sum of nothing, a dash in its place, or a price that is struck out: a promise that nobody can read.
_NO_PRICE = re.compile(r"(?<![\d.,])0[.,]00|<s>|<del>|<dd>\s*[-–—]?\s*</dd>")


@pytest.mark.parametrize("language", CATALOGUES)
@pytest.mark.parametrize("name", SCREENS)
def test_price_has_three_rows_or_none_and_no_empty_sum(name: str, language: str) -> None:
    html = drawn(SCREENS[name], Words(language, {}))

    assert html.count("<dt>") == html.count("<dd>")
    assert html.count("<dt>") in (0, 3)
    assert not _NO_PRICE.search(html)


@pytest.mark.parametrize("name", OFFERS)
def test_button_that_accepts_says_what_it_does(name: str) -> None:
    html = drawn(SCREENS[name])

    (accept,) = re.findall(r'value="accept">(.*)</button>', html)
    assert len(accept.split()) > 1 or accept == "Team"
    assert accept.lower() not in ("yes", "ok", "accept", "submit", "continue")


def test_red_is_for_errors_alone_and_the_scheme_is_known_before_anything_is_painted() -> None:
    rules = style_sheet(Theme().css, with_flow=True)

    red = [
        rule.partition("{")[0]
        for rule in re.findall(r"[^{}]+\{[^{}]*\}", rules)
        if re.search(r"var\(--aiocancel-error(-ground)?\)", rule)
    ]
    assert red
    assert [each for each in red if not re.search(r"error|problem|aria-invalid", each)] == []
    # Every other colour is one of the theme's.
    assert set(re.findall(r"#[0-9a-f]{3,8}", style_sheet("", with_flow=True))) == {"#fff", "#000"}
    # In the head of the page itself: no style sheet has to come first.
    assert rules.startswith(":root { color-scheme: light dark;")


@pytest.mark.parametrize("name", OFFERS)
def test_the_heading_stays_from_screen_to_screen_and_the_offer_comes_second(name: str) -> None:
    why, offer = drawn(SCREENS["why"]), drawn(SCREENS[name])

    heading = re.compile("<h1[^>]*>(.*)</h1>")
    assert heading.findall(why) == heading.findall(offer) == ["Cancel your Pro subscription"]
    assert re.findall("<h2>(.*)</h2>", offer)[0].startswith("Or: ")


SAID = {
    "coupon": [
        "Or: 50% off your next 3 payments",
        "Pro stays as it is. You can cancel at any time afterwards.",
        "Nothing to pay",
        "€14.50 on December 26, 2026 (not €29.00)",
        "€14.50 a month until February 26, 2027, €29.00 a month from March 26, 2027",
        "Prices include tax.",
        "Your other discount stays as well.",
        "Take 50% off",
    ],
    "amount": ["Or: €10.00 off your next payment", "Take €10.00 off", "No, show me something else"],
    "forever": ["Or: 12.5% off every payment"],
    "coupon of everything": [
        "Or: 100% off your next 3 payments",
        "Nothing on December 26, 2026 (not €29.00)",
        "€29.00 a month from March 26, 2027",
    ],
    "pause": [
        "Or: pause for a while",
        "Your notes stay readable.",
        "How long do you want to pause?",
        "1 month – next payment €29.00 on February 26, 2027",
        "2 months – next payment €29.00 on March 26, 2027",
        "Pause payments",
    ],
    "pause without sums": ["We cannot show the exact amounts right now.", "3 months"],
    "pause of one length": ["It waits.", "2 months – next payment €29.00 on February 26, 2027"],
    "plan now": [
        "Or: Basic for €9.00 a month",
        "You move to Basic today.",
        "What changes",
        "No export",
        "Nothing to pay. €14.00 of what you paid is kept as credit",
        "€4.00 on December 26, 2026, after your credit",
        "Move to Basic today",
    ],
    "plan later": [
        "You keep Pro until December 26, 2026, then you have Basic.",
        "Nothing to pay. You keep Pro",
        "Move to Basic on December 26, 2026",
    ],
    "dearer plan": ["Or: Team", "€14.00", "Tax is added to these prices."],
    "trial": [
        "Or: 14 more days of trial",
        "Nothing is charged before December 26, 2026. You can cancel until then.",
        "€29.00 plus what you use on December 26, 2026, unless you cancel before",
        "Extend the trial",
    ],
    "custom": [
        "Or: a call with us",
        "We look at it together.",
        "Nothing changes",
        "€29.00 on December 26, 2026, as before",
        "€29.00 a month, as before",
        "Book a call",
    ],
    "facts: period_end": [
        "If you cancel, it ends on December 26, 2026. You can use it until then."
    ],
    "facts: ends_at_once": ["If you cancel, it ends today.", "Cancel and end today"],
    "facts: date_is_unknown": ["If you cancel, it ends on December 26, 2026."],
    "nothing known": [
        "Cancel your subscription",
        "If you cancel, it ends when the time you have paid for is over.",
        "You will find the date in your account.",
    ],
    "facts: trial": ["If you cancel, your trial ends on December 26, 2026 and nothing is charged."],
    "owing nobody knows how much": ["A payment is still open. Cancelling does not clear it."],
    "owing": ["€29.00 from December 26, 2026 is still open; cancelling does not clear it."],
    "facts: paused": ["It is paused. If you cancel, it does not start again."],
    "paused with a day": ["It is paused until February 26, 2027.", "End the pause instead"],
    "facts: set_end": ["If you cancel, it ends on December 26, 2026, the end of your term."],
    "several items": ["This cancels all of it: Pro, 3 seats, Storage."],
    "why": ["Why are you leaving? (optional)", "You can skip this.", "It costs too much"],
    "why, answered": ["My &lt;cat&gt; left", "Where to?", "Tell us more (optional)"],
    "permission": ["Would you like to see an offer?", "Show me the offer"],
    "exit": ["Keep subscription"],
    "exit, answered": ["Thank you. Your answer is noted."],
}


@pytest.mark.parametrize("name", [name for name in SAID if name in SCREENS])
def test_screen_says_what_it_does_and_what_it_costs(name: str) -> None:
    text = text_of(drawn(SCREENS[name]))

    assert [said for said in SAID[name] if said not in text] == []


@pytest.mark.parametrize("name", OFFERS)
def test_price_has_three_rows_or_is_not_there(name: str) -> None:
    html = drawn(SCREENS[name])

    assert html.count("<dt>") in (0, 3)
    assert "0.00" not in text_of(html).replace("10.00", "").replace("9.00", "")
    assert "<s>" not in html


def test_thanks_are_for_an_answer_alone() -> None:
    assert "Thank you" not in drawn(SCREENS["exit"])


def test_offer_that_is_missing_is_the_plain_exit() -> None:
    assert drawn(screen(FlowStep.OFFER)) == drawn(SCREENS["exit"]).replace(
        'screen="exit"', 'screen="offer"'
    )


def test_payments_are_called_months_where_they_are_not_monthly() -> None:
    yearly = Sentence("price_per_year", {"price": EUROS_29, "count": 1})

    text = text_of(
        drawn(screen(FlowStep.OFFER, OFFERS["coupon"], facts=replace(FACTS, price=yearly)))
    )

    assert "Or: 50% off for 3 months" in text


def test_mistake_is_told_on_top_at_its_field_and_in_the_title() -> None:
    html = drawn(SCREENS["why"], besides=PROBLEMS["too long"])
    page = Page(html)

    assert html.count("Shorten what you added to 500 characters or fewer") == 2
    assert "<title>Error: Cancel your Pro subscription – Northwind &lt;Notes&gt;</title>" in html
    assert 'href="#comment"' in html
    assert page.one("textarea")["aria-invalid"] == "true"
    assert "x" * 501 in html


def test_choice_that_is_missing_is_asked_for() -> None:
    html = drawn(SCREENS["pause"], besides=PROBLEMS["no choice"])

    assert html.count("Choose how long you want to pause") == 2
    assert 'href="#months"' in html


def test_owners_words_are_those_of_the_customers_language() -> None:
    german = text_of(drawn(SCREENS["why"], Words("de", {})))
    words = Words("en", {"confirm_button": "End it", "reason_unused": "No time"})

    assert "Die Katze ist weg" in german
    assert "Es kostet zu viel" in german
    assert "End it" in drawn(SCREENS["why"], words)
    assert "No time" in drawn(SCREENS["why"], words)


def test_page_that_was_open_for_long_says_so() -> None:
    assert "This page was open for a long time." in text_of(
        drawn(SCREENS["why"], besides=PROBLEMS["was open"])
    )
