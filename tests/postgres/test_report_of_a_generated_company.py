"""The figures of a company whose truth is known: counts are exact, and the true effect lies inside its interval."""

from __future__ import annotations

import pytest

from aiocancel.core.measures.interval import Share
from aiocancel.postgres.report import Figures
from tests.support.generated_company import (
    TRUE_EFFECT,
    Held,
    Truth,
    arms_of,
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
    held = [holds_the_truth(seed, 250) for seed in range(1000)]

    # 950 and 960 of a thousand, and what chance allows on both sides: more or fewer come once in ten thousand times. Of
    # a hundred, chance puts 91 to 99 there, so that a hundred could tell an interval that is too narrow from none.
    assert 921 <= sum(each.law for each in held) <= 976
    assert 934 <= sum(each.customers for each in held) <= 982


@pytest.mark.parametrize(("seed", "customers"), [(0, 2000), (1, 40), (7, 600)])
def test_the_arms_that_the_dice_tell_are_those_of_the_whole_company(
    seed: int, customers: int
) -> None:
    truth = Truth()
    for made in make_company(seed, customers):
        truth.add(made)

    found = arms_of(seed, customers)

    assert found.offers == Share(*truth.offers)
    assert found.held_out == Share(*truth.held_out)
    assert found.effect == truth.effect


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
    law = [True] * 94 + [False] * 6 + [True] * 843 + [False] * 57 + [True] * 1000
    customers = [True] * 960 + [False] * 40 + [True] * 1000

    assert rates_told([Held(*each) for each in zip(law, customers, strict=True)]) == (
        "law: the true effect lies inside its interval for 1937 of 2000 seeds: 96.8% (96.0% to 97.5%), "
        "and for 94 of the first 100 and 937 of the first 1000\n"
        "these customers: the true effect lies inside its interval for 1960 of 2000 seeds: 98.0% (97.3% to 98.5%), "
        "and for 100 of the first 100 and 960 of the first 1000"
    )
