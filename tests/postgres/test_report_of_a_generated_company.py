"""The figures of a company whose truth is known: counts are exact, and the true effect lies inside its interval."""

from __future__ import annotations

import pytest

from aiocancel.postgres.report import Figures
from tests.support.generated_company import (
    TRUE_EFFECT,
    Held,
    Truth,
    differences,
    holds_the_truth,
    make_company,
    rates_told,
    store,
)
from tests.support.saas import Pool


async def test_every_count_of_a_company_is_what_its_maker_knows(pool: Pool) -> None:
    company = list(make_company(1, 800))
    truth = Truth()
    for made in company:
        truth.add(made)

    async with pool.acquire() as connection:
        await store(connection, company)

    assert await differences(Figures(pool, "test"), truth) == []


async def test_a_count_that_is_wrong_would_be_found(pool: Pool) -> None:
    company = list(make_company(2, 100))
    truth = Truth()
    for made in company[1:]:
        truth.add(made)

    async with pool.acquire() as connection:
        await store(connection, company)

    found = await differences(Figures(pool, "test"), truth)
    assert any(each.startswith(f"sessions: {len(company)} instead of") for each in found)


def test_the_true_effect_of_offers_lies_inside_its_interval_as_often_as_is_said() -> None:
    # What the interval promises is worked out exactly in tests/core/measures/test_interval.py; here its maker keeps it.
    held = [holds_the_truth(seed, 250) for seed in range(100)]

    # 95 of 100, and what chance allows: fewer than 87 come once in two thousand times.
    assert sum(each.law for each in held) >= 87
    assert sum(each.customers for each in held) >= 87


def test_what_a_customer_did_is_what_the_maker_knows_of_both_cases() -> None:
    company = list(make_company(4, 500))
    truth = Truth()
    for made in company:
        truth.add(made)

    for made in company:
        offered = made.session.fitted is not None and not made.session.hold_out
        assert made.is_kept == (made.kept_with if offered else made.kept_without)
    since = truth.hold_out_began_at
    # Each subscription once: the one by its first session that an offer fitted, and it may have come back.
    due = [each for each in company if each.session.fitted]
    first = {each.session.subscription_id: each for each in reversed(due)}
    counted = [each for each in first.values() if each.session.opened_at >= since]
    assert len(due) > 1.1 * len(first)
    with_offers = sum(each.kept_with for each in counted) / len(counted)
    without = sum(each.kept_without for each in counted) / len(counted)
    assert truth.effect == pytest.approx(with_offers - without)
    # The law holds of many companies, and of none exactly.
    assert truth.effect == pytest.approx(TRUE_EFFECT, abs=0.08)
    assert truth.effect != TRUE_EFFECT


def test_the_rate_of_many_companies_is_told_with_its_own_interval() -> None:
    law = [True] * 94 + [False] * 6 + [True] * 843 + [False] * 57
    customers = [True] * 960 + [False] * 40

    assert rates_told([Held(*each) for each in zip(law, customers, strict=True)]) == (
        "law: the true effect lies inside its interval for 937 of 1000 seeds: 93.7% (92.0% to 95.0%), "
        "and for 94 of the first 100\n"
        "these customers: the true effect lies inside its interval for 960 of 1000 seeds: 96.0% (94.6% to 97.0%), "
        "and for 100 of the first 100"
    )
