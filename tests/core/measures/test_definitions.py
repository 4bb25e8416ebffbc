"""Every figure says what it counts, of what, and with which statement."""

from __future__ import annotations

import re

import pytest

from aiocancel.core.measures.definitions import BY_KEY, DEFINITIONS, Definition


@pytest.mark.parametrize("definition", DEFINITIONS, ids=lambda each: each.key)
def test_a_definition_is_whole(definition: Definition) -> None:
    assert re.fullmatch(r"[a-z_0-9]+", definition.key)
    assert definition.counts.endswith(".")
    assert definition.view.startswith("v_")
    assert f"FROM aiocancel.{definition.view}" in definition.sql
    assert "mode = :mode AND started_at >= :a AND started_at < :b" in definition.sql


def test_figures_have_names_of_their_own() -> None:
    assert len(BY_KEY) == len({each.name for each in DEFINITIONS}) == len(DEFINITIONS)


def test_a_share_shows_its_whole_and_money_is_never_added_up_over_currencies() -> None:
    assert "AS shown" in BY_KEY["reasons"].sql
    assert "count(*) AS read" in BY_KEY["kept_60"].sql
    assert BY_KEY["kept_revenue"].sql.endswith("GROUP BY currency")
    assert BY_KEY["canceled"].sql == (
        "SELECT count(*)\nFROM aiocancel.v_sessions\n"
        "WHERE mode = :mode AND started_at >= :a AND started_at < :b\n  AND outcome = 'canceled'"
    )


def test_the_hold_out_says_whose_days_it_counts_and_how_often_a_subscription() -> None:
    hold_out = BY_KEY["hold_out"]

    assert hold_out.of.endswith("each once, by its first such session")
    assert "since the hold-out began" in hold_out.leaves_out
    assert "not the chosen days" in hold_out.leaves_out
    assert "hold_out_decide_on" in hold_out.leaves_out


def test_what_is_no_kept_customer_is_said() -> None:
    assert "Paused" in BY_KEY["kept_30"].leaves_out
    for key, day in (("kept_30", 30), ("kept_60", 60), ("kept_90", 90), ("hold_out", 30)):
        assert f"less than {day} days ago" in BY_KEY[key].leaves_out
    for key in ("kept_revenue", "cost_of_offers"):
        assert "An invoice counts once" in BY_KEY[key].leaves_out
    assert "no saved customer" in BY_KEY["abandoned"].leaves_out
    assert "never annualised" in " ".join(BY_KEY["kept_revenue"].leaves_out.split())
