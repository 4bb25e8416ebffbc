"""The order of the reasons: another for each session, the same within one, "other" last."""

from __future__ import annotations

from collections import Counter

from aiocancel.core.flow.definition import OTHER, STANDARD_REASONS, Reason
from aiocancel.core.flow.reason_order import reasons_in_order


def test_one_session_sees_one_order() -> None:
    assert reasons_in_order(STANDARD_REASONS, "fs_1") == reasons_in_order(STANDARD_REASONS, "fs_1")


def test_order_holds_every_reason_once_and_other_last() -> None:
    for number in range(50):
        order = reasons_in_order(STANDARD_REASONS, f"fs_{number}")
        assert len(order) == len(set(order)) == len(STANDARD_REASONS)
        assert order[-1].key == OTHER


def test_each_reason_comes_first_about_equally_often() -> None:
    first = Counter(reasons_in_order(STANDARD_REASONS, f"fs_{n}")[0].key for n in range(7_000))

    assert len(first) == 7
    assert all(850 < count < 1_150 for count in first.values())


def test_flow_without_reasons_or_without_other_has_an_order_as_well() -> None:
    assert reasons_in_order((), "fs_1") == ()
    assert reasons_in_order((Reason("unused"),), "fs_1") == (Reason("unused"),)
