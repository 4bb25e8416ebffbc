"""The screen: everything that a page shows, and nothing of it in a log."""

from __future__ import annotations

from aiocancel.core.flow.answers import Answers
from aiocancel.core.flow.screen import Screen, Situation, SubscriptionFacts
from aiocancel.core.flow.steps import FlowProgress, FlowStep, SessionState


def test_customers_words_are_in_no_repr() -> None:
    answers = Answers("other", "They were rude", "Call me at 555")
    facts = SubscriptionFacts(Situation.PERIOD_END)
    screen = Screen("fs_1", FlowStep.WHY, SessionState.OPEN, facts, answers=answers)

    shown = f"{screen!r} {FlowProgress(answers=answers)!r} {answers!r}"

    assert "rude" not in shown
    assert "555" not in shown
