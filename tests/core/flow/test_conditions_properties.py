"""Conditions of any shape: the laws of three values, one JSON for one meaning, and what is unknown stays unknown."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from aiocancel.core.flow.answers import Answers
from aiocancel.core.flow.conditions import (
    Condition,
    condition_from_json,
    condition_to_json,
)
from aiocancel.core.flow.customers import kinds_of_customers
from aiocancel.core.flow.snapshot import Snapshot
from tests.support.conditions import CASES, EXPENSIVE, KNOWN, NOTHING_KNOWN

SIMPLE = st.sampled_from([case[1] for case in CASES])
CONDITIONS = st.recursive(
    SIMPLE,
    lambda inner: st.one_of(
        st.builds(lambda one, other: one & other, inner, inner),
        st.builds(lambda one, other: one | other, inner, inner),
        st.builds(lambda one: ~one, inner),
    ),
    max_leaves=8,
)
SNAPSHOTS = st.sampled_from([KNOWN, NOTHING_KNOWN, Snapshot(KNOWN.taken_at, place="US")])


@given(one=CONDITIONS, other=CONDITIONS, snapshot=SNAPSHOTS)
def test_not_both_is_either_not(one: Condition, other: Condition, snapshot: Snapshot) -> None:
    found = (~(one & other)).holds(snapshot, EXPENSIVE)

    assert found == (~one | ~other).holds(snapshot, EXPENSIVE)
    assert (one & other).holds(snapshot, EXPENSIVE) == (other & one).holds(snapshot, EXPENSIVE)


@given(condition=CONDITIONS, snapshot=SNAPSHOTS)
def test_stored_condition_answers_as_the_one_that_was_stored(
    condition: Condition, snapshot: Snapshot
) -> None:
    again = condition_from_json(json.loads(json.dumps(condition_to_json(condition))))

    assert again == condition
    assert again.in_words() == condition.in_words()
    assert again.holds(snapshot, EXPENSIVE) is condition.holds(snapshot, EXPENSIVE)


@given(condition=CONDITIONS, learnt=st.sampled_from(["US-CA", "US-MN", "DE"]))
def test_knowing_more_never_turns_an_answer_round(condition: Condition, learnt: str) -> None:
    before = condition.holds(Snapshot(KNOWN.taken_at), Answers())
    after = condition.holds(Snapshot(KNOWN.taken_at, place=learnt), Answers())

    assert before is None or before is after


@given(condition=CONDITIONS)
def test_every_answer_that_a_known_customer_gives_has_an_example(condition: Condition) -> None:
    leaves = list(condition.leaves())
    if len(leaves) > 4:
        return
    answers = {condition.holds(kind.snapshot, EXPENSIVE) for kind in kinds_of_customers(leaves)}

    assert condition.holds(KNOWN, EXPENSIVE) in answers
    assert condition.holds(NOTHING_KNOWN, EXPENSIVE) in answers
