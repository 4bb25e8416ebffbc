"""``aiocancel flow``: the table of a flow, and the walk that says which promise is broken and on which path."""

from __future__ import annotations

import json

import pytest

from aiocancel import CancelFlow, OfferLimits, ProsperStack
from aiocancel.cli.main import main
from aiocancel.core.flow.conditions import in_trial
from aiocancel.core.flow.definition import (
    FlowDefinition,
    PlanOffer,
    TrialOffer,
)
from tests.support.commands import FLOW, TARGET, Served, own_flow, serve
from tests.support.saas import make_cancel


def cancel() -> CancelFlow:
    return make_cancel(
        "postgresql://127.0.0.1:9/nowhere", vendor=Served.vendor, offer_limits=OfferLimits()
    )


def test_show_prints_reasons_offers_rules_and_the_most_it_costs(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    serve(monkeypatch, FLOW)

    assert main(["flow", "show", TARGET]) == 0

    printed = capsys.readouterr().out
    assert f"Version {FLOW.version[:12]}" in printed
    assert "  moved             I moved         Stripe: other             asks: Where?" in printed
    assert "the reason is too_expensive and it has run for at least 2 months" in printed
    assert "50% off for 3 months" in printed
    # Three months have 14 weekly payments, which is a week more than they have months.
    assert "at most 26.8% of a year's payments" in printed
    assert (
        "never coupon, trial, plan, custom where the place is US-MN without permission" in printed
    )
    assert "never coupon, trial, plan, custom, pause, question where the place is DE" in printed
    assert "50.0% of a year's payments where they pay monthly" in printed
    assert "Hold-out: 10%. Days between two gifts: 365" in printed


def test_show_as_json_is_the_definition_itself(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    serve(monkeypatch, FLOW)

    assert main(["flow", "show", "--json", TARGET]) == 0

    printed = json.loads(capsys.readouterr().out)
    costs = printed.pop("most_it_costs_a_year")
    assert printed.pop("version") == FLOW.version
    assert FlowDefinition.from_json(printed) == FLOW
    assert costs["half_price"] == "26.8% of a year's payments"


def test_flow_without_offers_is_shown_and_checked(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    serve(monkeypatch, FlowDefinition())

    assert main(["flow", "show", TARGET]) == 0
    assert (
        "Offers (the first that fits; at most 1 in one session)\n  none" in capsys.readouterr().out
    )
    assert main(["flow", "check", TARGET]) == 0


def test_check_says_what_holds_on_how_many_paths(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    serve(monkeypatch, FLOW)

    assert main(["flow", "check", TARGET]) == 0

    printed = capsys.readouterr().out
    assert "paths of 15 kinds of customers, at most 4 screens." in printed
    assert "On every path: the exit works on every screen" in printed
    assert "BROKEN" not in printed


def test_check_fails_with_the_path_that_breaks_a_promise(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    serve(monkeypatch, FLOW)

    assert main(["flow", "check", "--most-screens", "2", TARGET]) == 1

    printed = capsys.readouterr().out
    assert "BROKEN: no path has more than 2 screens" in printed
    assert (
        "  it has run for 1 months, the place is US-MN; the reason is unused: why > permission > break > open"
        in printed
    )


def test_check_fails_for_an_offer_that_nobody_can_see(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    hidden = TrialOffer("hidden", 7, when=in_trial() & ~in_trial())
    serve(monkeypatch, FlowDefinition(offers=(hidden,)))

    assert main(["flow", "check", "--json", TARGET]) == 1

    printed = json.loads(capsys.readouterr().out)
    assert printed["never_shown"] == ["hidden"]
    assert printed["broken"] == []
    assert main(["flow", "check", TARGET]) == 1
    assert "NEVER SHOWN: hidden" in capsys.readouterr().out


def test_check_tells_of_another_plan_whose_id_may_be_that_of_something_else(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    offers = (PlanOffer("smaller", "prod_basic"), PlanOffer("bigger", "price_pro"))
    serve(monkeypatch, FlowDefinition(offers=offers))

    assert main(["flow", "check", TARGET]) == 0
    printed = capsys.readouterr().out
    assert "LOOK AT smaller: 'prod_basic' does not begin with price_" in printed
    assert "LOOK AT bigger" not in printed

    main(["flow", "check", "--json", TARGET])
    assert json.loads(capsys.readouterr().out)["other_ids"] == {"smaller": "prod_basic"}


def test_flow_that_serves_when_the_vendor_does_not_is_checked(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    rented = ProsperStack("acct_test", "a client secret", fallback=own_flow(FLOW))
    monkeypatch.setattr(Served, "vendor", rented)

    assert main(["flow", "check", TARGET]) == 0
    assert "half_price" in capsys.readouterr().out


def test_vendor_without_a_flow_of_ours_is_no_target(capsys: pytest.CaptureFixture[str]) -> None:
    for command in ("show", "check"):
        assert main(["flow", command, TARGET]) == 2
        assert "its vendor is prosperstack" in capsys.readouterr().err


def test_number_of_screens_below_one_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["flow", "check", "--most-screens", "0", TARGET])
    assert "must be a whole number, 1 or more" in capsys.readouterr().err
