"""What a customer pressed is kept in the words that the screen had, in every language."""

from __future__ import annotations

from dataclasses import replace

import pytest

from aiocancel.core.declaration import offers_in, page_in
from aiocancel.core.flow.screen import Screen, Situation, SubscriptionFacts
from aiocancel.core.flow.steps import FlowStep, SessionState
from aiocancel.texts import CATALOGUES
from aiocancel.web.languages import Words
from aiocancel.web.own_flow.declared import exit_declared, offer_declared
from aiocancel.web.own_flow.view import view_of
from tests.support.flow_screens import AFTER, FACTS, OFFERS, drawn, drawn_after
from tests.support.web import Page


def on_screen(name: str) -> Screen:
    return Screen("s", FlowStep.OFFER, SessionState.OPEN, FACTS, offer=OFFERS[name])


@pytest.mark.parametrize("language", CATALOGUES)
@pytest.mark.parametrize("name", OFFERS)
def test_A5_declaration_has_the_words_and_prices_of_the_screen(name: str, language: str) -> None:
    words, shown = Words(language, {}), OFFERS[name]
    screen = on_screen(name)

    declared = offer_declared(words)(screen, [shown], None)
    left = exit_declared(words)(screen, [shown], None)

    page = " ".join(Page(drawn(screen, words)).text.split())
    view = view_of(screen, words)
    (block,) = offers_in(declared.shown)
    assert (declared.language, declared.words) == (language, view["accept_button"])
    assert left.words == view["exit_button"]
    assert offers_in(left.shown) == (block,)
    head = page_in(declared.shown)
    assert head is not None
    assert (head.heading, list(head.lines)) == (view["title"], view["facts"])
    assert list(block.rows) == view["rows"]
    for text in (declared.words, left.words, block.heading, *block.lines, *head.lines):
        assert text is not None
        assert " ".join(text.split()) in page


def test_pause_is_kept_with_the_length_that_was_chosen() -> None:
    words, pause = Words("en", {}), OFFERS["pause"]

    (two,) = offers_in(offer_declared(words)(on_screen("pause"), [pause], 2).shown)
    (either,) = offers_in(exit_declared(words)(on_screen("pause"), [pause], None).shown)

    assert [line for line in two.lines if "month" in line] == [
        "2 months – next payment €29.00 on March 26, 2027"
    ]
    assert len([line for line in either.lines if "month" in line]) == 2


@pytest.mark.parametrize("language", CATALOGUES)
def test_who_stays_after_a_declaration_is_kept_with_the_page_of_the_outcome(language: str) -> None:
    words, screen = Words(language, {}), AFTER["question and coupon"]
    assert screen.offer is not None

    declared = offer_declared(words)(screen, [screen.offer], None)

    text = " ".join(Page(drawn_after(screen, words)).text.split())
    head, (block,) = page_in(declared.shown), offers_in(declared.shown)
    assert head is not None
    for said in (declared.words, head.heading, *head.lines, block.heading, *block.lines):
        assert said is not None
        assert " ".join(said.split()) in text
    # Where Stripe did not tell the plan, the page says that much.
    plain = replace(screen, facts=SubscriptionFacts(Situation.DATE_IS_UNKNOWN))
    page = page_in(offer_declared(words)(plain, [screen.offer], None).shown)
    assert page is not None
    assert page.heading == words.text("badge_cancelled")
