"""Hooks after an outcome: off the request path, at least once, and never in a cancellation's way."""

from __future__ import annotations

import pytest

from aiocancel import ConfigurationError, Outcome
from tests.support.company import Company
from tests.support.plain_cancellation import cancel_plainly
from tests.support.waiting import until


async def test_a_hook_is_told_how_a_cancellation_ended(company: Company) -> None:
    company.stripe.add_subscription("sub_1")
    cancel, told = company.plug_in(), list[Outcome]()

    @cancel.on_outcome
    async def remember(outcome: Outcome) -> None:
        told.append(outcome)

    await company.open(cancel)
    assert await cancel_plainly(company) == "scheduled"
    await until(lambda: len(told) == 1)
    (outcome,) = told
    assert (outcome.customer_id, outcome.subscription_id, outcome.status) == (
        "ada",
        "sub_1",
        "canceled",
    )
    assert (outcome.answer.kind, outcome.reason.text, outcome.failed) == (
        "scheduled",
        "moving on",
        False,
    )
    assert outcome.answer.effective_at is not None


async def test_a_hook_that_fails_is_called_again_and_the_cancellation_does_not_wait_for_it(
    company: Company,
) -> None:
    company.stripe.add_subscription("sub_1")
    cancel, calls = company.plug_in(), list[str]()

    @cancel.on_outcome
    async def unreliable(outcome: Outcome) -> None:
        calls.append(outcome.claim_id)
        if len(calls) < 3:
            raise TimeoutError

    await company.open(cancel)
    assert await cancel_plainly(company) == "scheduled"
    await until(lambda: len(calls) == 3)
    assert len(set(calls)) == 1
    assert company.changes() == ["cancel_at_period_end"]


async def test_a_hook_for_errors_hears_only_of_what_went_wrong(company: Company) -> None:
    company.stripe.add_subscription("sub_1")
    cancel, failed = company.plug_in(), list[Outcome]()

    @cancel.on_error
    async def alarm(outcome: Outcome) -> None:
        failed.append(outcome)

    await company.open(cancel)
    # An offer without a handler first, a cancellation after it.
    await company.claim(company.accepted("offr_custom"))
    await cancel_plainly(company)
    await until(lambda: bool(failed))
    assert [(outcome.status, outcome.problem) for outcome in failed] == [
        ("saved", "no_handler_for_this_offer")
    ]


@pytest.mark.parametrize("status", ["incomplete", "deflected"])
async def test_hooks_are_told_of_flows_that_change_nothing(company: Company, status: str) -> None:
    company.stripe.add_subscription("sub_1")
    cancel, told = company.plug_in(), list[Outcome]()

    @cancel.on_outcome
    async def remember(outcome: Outcome) -> None:
        told.append(outcome)

    await company.open(cancel)
    session = company.flows.create_session("sub_1")
    await company.claim(session, status=status)
    await until(lambda: len(told) == 1)
    assert (told[0].status, told[0].answer.change) == (status, "nothing")
    assert company.stripe.effects == []


async def test_without_hooks_nothing_is_enqueued_for_them(company: Company) -> None:
    company.stripe.add_subscription("sub_1")
    await company.open()
    await cancel_plainly(company)
    kinds = [row["kind"] for row in await company.pool.fetch("SELECT kind FROM aiocancel.action")]
    assert kinds == ["cancel_at_period_end"]


async def test_a_hook_that_comes_after_the_start_is_refused(company: Company) -> None:
    cancel = company.plug_in()
    await company.open(cancel)

    async def late(_: Outcome) -> None:
        """Never called."""

    with pytest.raises(ConfigurationError, match="before the application starts"):
        cancel.on_outcome(late)
