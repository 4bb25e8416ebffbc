"""What each screen of our own flow says: every step and every offer, drawn in six languages."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from aiocancel.core.flow.steps import FlowStep
from aiocancel.core.theme import Theme
from aiocancel.texts import CATALOGUES
from aiocancel.web.languages import Words
from aiocancel.web.own_flow.view import Shown, keep_label, view_after
from aiocancel.web.style import style_sheet
from tests.support.flow_screens import (
    AFTER,
    FACTS,
    MORE_OFFERS,
    MORE_SCREENS,
    OFFERS,
    PROBLEMS,
    SCREENS,
    WORDS,
    drawn,
    drawn_after,
    screen,
)
from tests.support.web import Page

EVERY_OFFER = {**OFFERS, **MORE_OFFERS}
EVERY_SCREEN = {**SCREENS, **MORE_SCREENS}


def text_of(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html.partition("<main")[2]))


@pytest.mark.parametrize("name", EVERY_SCREEN)
def test_screen_has_its_exit_first_one_heading_and_nothing_chosen(name: str) -> None:
    for language in CATALOGUES:
        html = drawn(EVERY_SCREEN[name], Words(language, {}))
        page = Page(html)

        pressed = [each for each in page.controls if each[1].get("tabindex") != "-1"]
        assert pressed[0][1]["class"] == "aiocancel-button aiocancel-exit"
        assert pressed[0][1]["value"] == "cancel"
        # The first button of a form is the one that Enter presses.
        first = page.all("button")[0]
        assert first["value"] == ("continue" if EVERY_SCREEN[name].step is FlowStep.WHY else "look")
        assert (first["tabindex"], first["aria-hidden"]) == ("-1", "true")
        assert len(page.all("h1")) == 1
        assert len(page.all("form")) == 1
        assert "disabled" not in html
        assert "required" not in html
        assert "style=" not in html
        if "answered" not in name:
            assert " checked" not in html
        assert "{" not in text_of(html)


@pytest.mark.parametrize("name", EVERY_SCREEN)
def test_screen_names_all_its_fields(name: str) -> None:
    for language in CATALOGUES:
        page = Page(drawn(EVERY_SCREEN[name], Words(language, {}), PROBLEMS["too long"]))

        labelled = {each["for"] for each in page.all("label") if "for" in each}
        for tag, attributes in page.controls:
            if tag == "textarea" or attributes.get("type") == "text":
                assert attributes["id"] in labelled
        assert len(ids := [each["id"] for _, each in page.elements if "id" in each]) == len(
            set(ids)
        )
        described = {each.get("aria-describedby") for _, each in page.elements} - {None}
        assert described <= set(ids)


# A sum of nothing, a dash in its place, or a price that is struck out: a promise that nobody can read.
_NO_PRICE = re.compile(r"(?<![\d.,])0[.,]00|<s>|<del>|<dd>\s*[-–—]?\s*</dd>")


@pytest.mark.parametrize("name", EVERY_SCREEN)
def test_price_has_three_rows_or_none_and_no_empty_sum(name: str) -> None:
    for language in CATALOGUES:
        html = drawn(EVERY_SCREEN[name], Words(language, {}))

        assert html.count("<dt>") == html.count("<dd>")
        assert html.count("<dt>") in (0, 3)
        assert not _NO_PRICE.search(html)


@pytest.mark.parametrize("name", EVERY_OFFER)
def test_button_that_accepts_says_what_it_does(name: str) -> None:
    html = drawn(EVERY_SCREEN[name])

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


@pytest.mark.parametrize("name", EVERY_OFFER)
def test_the_heading_stays_from_screen_to_screen_and_the_offer_comes_second(name: str) -> None:
    why, offer = drawn(SCREENS["why"]), drawn(EVERY_SCREEN[name])

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
        "Prices include tax.",
        "Pause payments",
    ],
    "pause of which one sum is unknown": [
        "1 month – next payment €29.00 on February 26, 2027",
        "3 months",
        "We cannot show the exact amounts right now.",
    ],
    "coupon of one payment of three": ["Or: 50% off for 3 months"],
    "coupon by invoice": ["You pay by invoice. It comes on the date shown."],
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
    "facts: paused": [
        "It is paused. If you cancel, it does not start again.",
        "If you cancel, it ends on December 26, 2026.",
    ],
    "paused with a day": [
        "It is paused until February 26, 2027.",
        "If you cancel, it ends on December 26, 2026.",
        "End the pause instead",
    ],
    "ending already, and ending at once": [
        "It ends on December 26, 2026. You can use it until then.",
        "If you cancel, it ends today. You cannot use it afterwards.",
        "Cancel and end today",
        "Back to your account",
    ],
    "facts: set_end": ["If you cancel, it ends on December 26, 2026, the end of your term."],
    "several items": ["This cancels all of it: Pro, 3 seats, Storage."],
    "why": ["Why are you leaving? (optional)", "You can skip this.", "It costs too much"],
    "why, answered": ["My &lt;cat&gt; left", "Where to?", "Tell us more (optional)"],
    "permission": ["Would you like to see an offer?", "Show me the offer"],
    "exit": ["Keep subscription"],
    "exit, answered": ["Thank you. Your answer is noted."],
}


@pytest.mark.parametrize("name", SAID)
def test_screen_says_what_it_does_and_what_it_costs(name: str) -> None:
    text = text_of(drawn(EVERY_SCREEN[name]))

    assert [said for said in SAID[name] if said not in text] == []


@pytest.mark.parametrize("name", EVERY_OFFER)
def test_price_has_three_rows_or_is_not_there(name: str) -> None:
    html = drawn(EVERY_SCREEN[name])

    assert html.count("<dt>") in (0, 3)
    assert "0.00" not in text_of(html).replace("10.00", "").replace("9.00", "")
    assert "<s>" not in html


@pytest.mark.parametrize("name", [name for name in EVERY_OFFER if name.startswith("pause")])
def test_no_row_names_the_day_of_one_length_of_a_pause_beside_the_choice_of_another(
    name: str,
) -> None:
    html = drawn(EVERY_SCREEN[name])

    is_priced = name == "pause of one length"
    assert html.count("<dt>") == (3 if is_priced else 0)


def test_who_ends_already_finds_the_link_that_leads_to_keeping_it_and_none_that_seems_to() -> None:
    html = drawn(MORE_SCREENS["ending already, and ending at once"])

    links = re.findall(r'<a href="([^"]*)"[^>]*>([^<]*)</a>', html)
    assert ("/account", "Back to your account") in links
    assert [url for url, text in links if text == "Keep subscription"] == ["/cancel?change=resume"]


def test_thanks_are_for_an_answer_alone() -> None:
    assert "Thank you" not in drawn(SCREENS["exit"])


def test_offer_that_is_missing_is_the_plain_exit() -> None:
    assert drawn(screen(FlowStep.OFFER)) == drawn(SCREENS["exit"]).replace(
        'screen="exit"', 'screen="offer"'
    )


def test_payments_are_called_months_where_they_are_not_monthly() -> None:
    price = OFFERS["coupon"].price
    assert price is not None
    for interval, count in (("year", 1), ("month", 3)):
        rates = tuple(
            replace(e, interval=interval, interval_count=count) for e in price.from_then_on
        )
        offer = replace(OFFERS["coupon"], price=replace(price, from_then_on=rates))
        assert "Or: 50% off for 3 months" in text_of(drawn(screen(FlowStep.OFFER, offer)))
    unpriced = replace(OFFERS["coupon"], price=None)
    assert "Or: 50% off for 3 months" in text_of(drawn(screen(FlowStep.OFFER, unpriced)))


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


# --- after a declaration to leave -------------------------------------------------------------------------


@pytest.mark.parametrize("language", CATALOGUES)
@pytest.mark.parametrize("name", AFTER)
def test_page_of_the_outcome_asks_without_a_must_and_says_what_its_button_does(
    name: str, language: str
) -> None:
    words = Words(language, {})
    html = drawn_after(AFTER[name], words)
    page = Page(html)

    # Nothing is chosen beforehand, nothing is required, and nothing there cancels.
    assert len(page.all("h1")) == 1
    assert not [each for each in page.all("input") if {"checked", "required"} & each.keys()]
    pressed = {each.get("value") for each in page.all("button")}
    assert pressed <= {"continue", "accept", "decline", "look", None}
    assert "disabled" not in html
    assert "style=" not in html
    assert "{" not in text_of(html)
    if AFTER[name].offer is not None:
        (accept,) = re.findall(r'value="accept">(.*)</button>', html)
        assert accept.startswith(words.text("flow_keep_coupon_button", off="").split()[0])
        assert words.text("flow_takes_back") in html


def test_page_of_the_outcome_keeps_each_kind_apart() -> None:
    def button(name: str) -> str:
        return str(re.findall(r'value="accept">(.*)</button>', drawn_after(AFTER[name]))[0])

    assert button("question and coupon") == "Keep subscription and take 50% off"
    assert button("amount, answered") == "Keep subscription and take €10.00 off"
    assert button("pause") == "Keep subscription and pause payments"
    assert button("trial") == "Keep subscription and extend the trial"
    # No other kind is made there; the button of one says what it does all the same.
    assert keep_label(FACTS, OFFERS["custom"], WORDS) == "Book a call"


def test_page_of_the_outcome_shows_what_is_left_to_say_and_nothing_else() -> None:
    answered = text_of(drawn_after(AFTER["answered"]))
    assert "Thank you. Your answer is noted." in answered
    assert "Why are you leaving?" not in answered
    assert "Thank you" not in text_of(drawn_after(AFTER["question"]))

    assert view_after(None, WORDS) == {}
    assert view_after(replace(AFTER["question"], may_ask=False), WORDS) == {}
    gone = view_after(None, WORDS, Shown(note="flow_offer_gone"))
    assert gone["note"] == "That offer is no longer available. Nothing has been changed."
    assert (gone["question"], gone["offer"]) == (None, None)


def test_mistake_on_the_page_of_the_outcome_is_told_at_its_field() -> None:
    html = drawn_after(AFTER["question"], besides=PROBLEMS["too long"])

    assert 'href="#comment"' in html
    assert html.count("Shorten what you added to 500 characters or fewer") == 2
    assert "x" * 501 in html
    choice = drawn_after(AFTER["pause"], besides=PROBLEMS["no choice"])
    assert 'href="#months"' in choice
    assert choice.count("Choose how long you want to pause") == 2


CANCEL = {
    "en": "cancel",
    "de": "kündig",
    "fr": "résili",
    "es": "cancel",
    "it": "disd",
    "nl": "opzeg",
}


@pytest.mark.parametrize("language", CATALOGUES)
def test_no_control_but_the_exit_says_cancel(language: str) -> None:
    words = Words(language, {})
    screens = [drawn(each, words) for each in SCREENS.values()]
    outcomes = [drawn_after(each, words) for each in AFTER.values()]

    controls = re.compile(r"<(?:button|a|input)\b([^>]*)>([^<]*)")
    said = [found for html in (*screens, *outcomes) for found in controls.findall(html)]
    exits = [text for attributes, text in said if 'value="cancel"' in attributes]
    assert len(exits) == len(screens)
    assert all(CANCEL[language] in text.lower() for text in exits)
    others = {text for attributes, text in said if 'value="cancel"' not in attributes}
    assert len(others) > 10
    assert [text for text in others if CANCEL[language] in text.lower()] == []
