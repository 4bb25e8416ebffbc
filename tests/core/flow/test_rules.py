"""Rules: what must not be put before a customer, and what of an unknown place."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from aiocancel.core.flow.answers import Answers
from aiocancel.core.flow.conditions import country, place, reason
from aiocancel.core.flow.rules import (
    PLACE_RULES,
    SUBJECTS,
    FlowRule,
    Subject,
    benefit,
    declaration,
    everything,
    forbidding,
    never,
    permission,
    rule_from_json,
    rule_to_json,
    wait_for_the_declaration,
)
from aiocancel.core.flow.snapshot import Snapshot
from aiocancel.errors import ConfigurationError, UnreadableLedgerError

NOW = datetime(2026, 12, 5, tzinfo=UTC)


def at(place_: str | None) -> Snapshot:
    return Snapshot(NOW, place=place_)


def forbidden(
    place_: str | None, *given: str, rules: tuple[FlowRule, ...] = PLACE_RULES
) -> set[str]:
    subjects: tuple[Subject, ...] = everything
    return {
        subject
        for subject in subjects
        if forbidding(rules, subject, at(place_), Answers(), given)  # type: ignore[arg-type]
    }


@pytest.mark.parametrize("unknown_too", ["DE", None])
def test_in_germany_and_where_nobody_knows_nothing_stands_before_the_declaration(
    unknown_too: str | None,
) -> None:
    assert forbidden(unknown_too) == set(SUBJECTS)
    assert forbidden(unknown_too, permission) == set(SUBJECTS)
    assert forbidden("DE", declaration) == set()


def test_in_minnesota_an_offer_needs_permission_and_the_question_does_not() -> None:
    assert forbidden("US-MN") == {*benefit, "pause"}
    assert forbidden("US-MN", permission) == set()
    # A customer of the United States whose state is unknown may be in Minnesota.
    assert forbidden("US") == {*benefit, "pause"}


@pytest.mark.parametrize("elsewhere", ["US-CA", "FR", "GB", "AT", "US-NY"])
def test_elsewhere_nothing_is_forbidden_before_the_exit(elsewhere: str) -> None:
    assert forbidden(elsewhere) == set()


def test_only_germanys_rule_waits_for_the_declaration() -> None:
    assert wait_for_the_declaration(PLACE_RULES, at("DE"))
    # A customer whose place nobody knows may live there.
    assert wait_for_the_declaration(PLACE_RULES, at(None))
    assert not wait_for_the_declaration(PLACE_RULES, at("US-MN"))
    assert not wait_for_the_declaration(
        (never("coupon"), never("pause").without(permission)), at(None)
    )
    assert wait_for_the_declaration((never("coupon").without(declaration),), at("FR"))


def test_every_rule_of_a_place_names_its_source() -> None:
    assert all(rule.source and rule.condition is not None for rule in PLACE_RULES)


def test_rule_of_the_owner_reads_as_it_is_written() -> None:
    rule = never(benefit).where(place("US-MN")).without(permission)

    assert rule.in_words() == (
        "never coupon, trial, plan, custom where the place is US-MN without permission"
    )
    assert never("pause", "pause").in_words() == "never pause"
    # A newer release stored words that this one does not know.
    of_tomorrow = FlowRule(("gift",), None, "bell")  # type: ignore[arg-type]
    assert of_tomorrow.in_words() == "never gift without bell"
    assert rule.holds("coupon", at("US-MN"), Answers(), ())
    assert not rule.holds("pause", at("US-MN"), Answers(), ())
    assert never("coupon").holds("coupon", at(None), Answers(), (permission, declaration))


def test_rule_holds_unless_its_condition_is_known_to_be_false() -> None:
    rule = never("coupon").where(country("FR") & reason("unused"))

    assert rule.holds("coupon", at(None), Answers("unused"), ())
    assert not rule.holds("coupon", at(None), Answers("other"), ())


def test_rule_that_nothing_lifts_is_named_first() -> None:
    lifted, hard = never("coupon").without(permission), never("coupon")

    assert forbidding((lifted, hard), "coupon", at(None), Answers()) is hard
    assert forbidding((lifted,), "coupon", at(None), Answers()) is lifted
    assert forbidding((), "coupon", at(None), Answers()) is None


def test_mistakes_in_a_rule_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="takes some of"):
        never("gift")  # type: ignore[arg-type]
    with pytest.raises(ConfigurationError, match="takes some of"):
        never()
    with pytest.raises(ConfigurationError, match="takes a condition"):
        never("coupon").where("US-MN")  # type: ignore[arg-type]
    with pytest.raises(ConfigurationError, match="permission or declaration"):
        never("coupon").without("asking")  # type: ignore[arg-type]


def test_rule_comes_back_from_json_as_it_was() -> None:
    for rule in (*PLACE_RULES, never("coupon")):
        assert rule_from_json(json.loads(json.dumps(rule_to_json(rule)))) == rule

    with pytest.raises(UnreadableLedgerError):
        rule_from_json(rule_to_json(never("coupon")) | {"fine": 1})


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"forbids": ()}, "FlowRule.forbids"),
        ({"forbids": "coupon"}, "FlowRule.forbids"),
        ({"forbids": ("coupon",), "condition": "x"}, "FlowRule.condition"),
    ],
    ids=["nothing", "a text", "no condition"],
)
def test_mistake_in_a_rule_made_by_hand_names_its_field(fields: dict[str, Any], field: str) -> None:
    with pytest.raises(ConfigurationError, match=field):
        FlowRule(**fields)
