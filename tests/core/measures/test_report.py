"""A report as JSON: stable names, both counts of each share, and nothing where nothing is known."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime

from aiocancel.core.measures.interval import Share
from aiocancel.core.measures.report import (
    ROW_HEAD,
    By,
    Counts,
    Group,
    KeptOn,
    OfferFate,
    PlanWeeks,
    ReasonShare,
    Report,
    Revenue,
    largest_plans,
    report_as_json,
    report_rows,
    total,
)
from aiocancel.core.measures.words import HoldOut

SINCE, UNTIL = datetime(2026, 9, 1, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC)
TODAY = date(2026, 11, 26)
BEGAN = datetime(2026, 8, 18, 9, tzinfo=UTC)


def test_an_empty_report_has_every_name_and_no_share() -> None:
    found = report_as_json(Report(SINCE, UNTIL, UNTIL, Counts()), TODAY)

    assert list(found) == [
        "since",
        "until",
        "as_of",
        "sessions",
        "canceled",
        "accepted",
        "declined",
        "abandoned",
        "taken_back",
        "still_open",
        "shown",
        "held_out",
        "without_price",
        "by",
        "groups",
        "reasons",
        "offers",
        "kept",
        "revenue",
        "hold_out",
        "left_out",
    ]
    assert found["hold_out"] is None
    json.dumps(found)


def a_report() -> Report:
    return Report(
        SINCE,
        UNTIL,
        UNTIL,
        Counts(3),
        groups=[Group("Pro", Counts(3))],
        by=By.PLAN,
        reasons=[ReasonShare("unused", Share(0, 0))],
        offers=[OfferFate("half", 3, 1, 1, 1)],
        kept=[KeptOn(30, "", Share(1, 2), 1, 0)],
        revenue=[Revenue("jpy", 1, 500, 0, 0)],
        hold_out=HoldOut(Share(1, 2), Share(0, 0), 20, since=BEGAN, until=UNTIL),
        left_out={"no_value": 2},
    )


def test_a_report_tells_each_share_with_its_counts_and_its_interval() -> None:
    report = a_report()

    found = report_as_json(report, TODAY)

    assert found["groups"][0]["key"] == "Pro"
    assert found["reasons"] == [
        {"reason": "unused", "chosen": 0, "shown": 0, "share": None, "interval": None}
    ]
    (kept,) = found["kept"]
    assert (kept["kept"], kept["read"], kept["share"], kept["offer"]) == (1, 2, 0.5, None)
    assert len(kept["interval"]) == 2
    assert found["hold_out"]["difference"] is None
    assert found["hold_out"]["since"] == "2026-08-18T09:00:00+00:00"
    assert found["hold_out"]["until"] == found["until"]
    assert found["hold_out"]["said"][0].startswith("Fix a day")
    assert found["left_out"] == {"no_value": 2}


def test_every_figure_is_a_row_with_both_counts_of_its_share() -> None:
    rows = list(report_rows(a_report()))

    assert {len(row) for row in rows} == {len(ROW_HEAD)}
    assert ("sessions", "", 3, None, None, None, None, None) in rows
    assert ("canceled_by_plan", "Pro", 0, None, None, None, None, None) in rows
    assert ("kept", "", None, 1, None, None, "jpy", 500) in rows
    (kept,) = (row for row in rows if row[0] == "kept_30")
    assert kept[1:4] == ("", 1, 2)
    assert 0 < kept[4] < 0.5 < kept[5] < 1
    assert ("reasons", "unused", 0, 0, None, None, None, None) in rows
    (late,) = (row for row in rows if row[0] == "late_30")
    assert late[1:4] == ("", 0, 2)
    assert ("left_out", "no_value", 2, None, None, None, None, None) in rows
    assert "hold_out_difference" not in {row[0] for row in rows}
    began = "2026-08-18T09:00:00+00:00"
    assert ("hold_out_since", began, None, None, None, None, None, None) in rows


def test_a_hold_out_that_nobody_is_in_has_no_beginning() -> None:
    report = replace(a_report(), hold_out=HoldOut(Share(1, 2), Share(0, 0), 0))

    assert report_as_json(report, TODAY)["hold_out"]["since"] is None
    assert report_as_json(report, TODAY)["hold_out"]["until"] is None
    assert "hold_out_since" not in {row[0] for row in report_rows(report)}


def test_the_interval_of_the_difference_is_a_row_where_both_arms_have_sessions() -> None:
    told = HoldOut(Share(96, 320), Share(17, 80), 20)

    rows = report_rows(Report(SINCE, UNTIL, UNTIL, Counts(), hold_out=told))

    (row,) = (row for row in rows if row[0] == "hold_out_difference")
    assert row[:4] == ("hold_out_difference", "", None, None)
    assert [round(100 * end, 1) for end in row[4:6]] == [-2.5, 17.9]


def test_a_report_without_a_hold_out_has_no_row_of_it() -> None:
    rows = report_rows(Report(SINCE, UNTIL, UNTIL, Counts()))

    assert [row for row in rows if row[0] == "hold_out"] == []


def test_the_plans_with_the_most_cancellations_come_first_and_the_rest_is_one() -> None:
    plans = [PlanWeeks(f"plan {n}", {"2026-01-05": n, "2026-01-12": n % 2}) for n in range(6)]

    found = largest_plans(plans, most=3)

    assert [(each.plan, each.total, each.is_rest) for each in found] == [
        ("plan 5", 6, False),
        ("plan 3", 4, False),
        ("", 8, True),
    ]
    assert found[-1].canceled == {"2026-01-05": 7, "2026-01-12": 1}


def test_a_plan_without_a_cancellation_is_none_of_the_largest_and_few_have_no_rest() -> None:
    plans = [
        PlanWeeks("a", {"2026-01-05": 1}),
        PlanWeeks("", {"2026-01-05": 1}),
        PlanWeeks("b", {}),
    ]

    assert [each.plan for each in largest_plans(plans, most=2)] == ["", "a"]
    assert largest_plans([]) == []


def test_groups_come_to_the_sum_of_their_counts_and_none_to_nothing() -> None:
    weeks = [Group("2026-01-05", Counts(3, canceled=2)), Group("2026-01-12", Counts(1, held_out=1))]

    assert total(weeks) == Counts(4, canceled=2, held_out=1)
    assert total([]) == Counts()
