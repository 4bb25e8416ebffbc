"""The figures of a company whose truth is known: counts are exact, and the true effect lies inside its interval."""

from __future__ import annotations

from aiocancel.postgres.report import Figures
from tests.support.generated_company import (
    Truth,
    differences,
    holds_the_truth,
    make_company,
    rate_told,
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

    assert any(
        each.startswith("sessions: 100") for each in await differences(Figures(pool, "test"), truth)
    )


def test_the_true_effect_of_offers_lies_inside_its_interval_as_often_as_is_said() -> None:
    # What the interval promises is worked out exactly in tests/core/measures/test_interval.py; here its maker keeps it.
    held = sum(holds_the_truth(seed, 250) for seed in range(100))

    # 95 of 100, and what chance allows: fewer than 87 come once in two thousand times.
    assert held >= 87


def test_the_rate_of_many_companies_is_told_with_its_own_interval() -> None:
    assert rate_told([True] * 94 + [False] * 6 + [True] * 843 + [False] * 57) == (
        "the true effect lies inside its interval for 937 of 1000 seeds: 93.7% (92.0% to 95.0%), "
        "and for 94 of the first 100"
    )
