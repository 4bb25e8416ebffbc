"""How a claim ended, as hooks see it."""

from __future__ import annotations

import pytest

from aiocancel.core.claim import NO_REASON
from aiocancel.core.decision import Answer, AnswerKind, Topic
from aiocancel.core.outcome import Outcome


@pytest.mark.parametrize("kind", AnswerKind)
def test_only_what_a_person_must_look_at_or_what_was_refused_has_failed(kind: AnswerKind) -> None:
    answer = Answer(kind, Topic.CANCELLATION)
    outcome = Outcome(
        "claim", "ada", "sub_1", "prosperstack", "canceled", None, None, NO_REASON, answer, None
    )
    assert outcome.failed is (kind in {"manual", "refused"})
    assert "ada" not in repr(outcome)
