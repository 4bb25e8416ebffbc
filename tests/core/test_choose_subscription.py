"""Which of several subscriptions is meant: a table, and a few laws."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiocancel.core.choose_subscription import (
    CHOOSABLE_STATUSES,
    DEFAULT_STATUSES,
    ListedSubscription,
    RowRule,
    choose_owned,
    choose_subscription,
    owned_named,
    read_listed,
    subscription_names,
)
from aiocancel.core.identifiers import CustomerId, SubscriptionId
from aiocancel.core.subscription import ENDED_STATUSES, OwnedSubscription
from aiocancel.errors import AmbiguousSubscriptionError


def listed(*entries: tuple[str, str, int]) -> list[ListedSubscription]:
    return [
        ListedSubscription(SubscriptionId(name), status, created)
        for name, status, created in entries
    ]


def newest(
    *entries: tuple[str, str, int], statuses: tuple[str, ...] = DEFAULT_STATUSES
) -> str | None:
    return choose_subscription(listed(*entries), statuses=statuses, choose="newest")


def only(
    *entries: tuple[str, str, int], statuses: tuple[str, ...] = DEFAULT_STATUSES
) -> str | None:
    return choose_subscription(listed(*entries), statuses=statuses, choose="only")


@pytest.mark.parametrize("status", DEFAULT_STATUSES)
def test_one_subscription_that_goes_on_is_chosen_by_either_rule(status: str) -> None:
    assert newest(("sub_1", status, 1)) == only(("sub_1", status, 1)) == "sub_1"


@pytest.mark.parametrize("status", [*sorted(ENDED_STATUSES), "incomplete", "a status of next year"])
def test_what_has_ended_or_was_never_paid_for_is_nobodys_to_cancel(status: str) -> None:
    assert newest(("sub_1", status, 1)) is None
    assert only(("sub_1", status, 1)) is None


def test_a_customer_without_subscriptions_has_none_to_cancel() -> None:
    assert newest() is None
    assert only() is None


@pytest.mark.parametrize("status", sorted(ENDED_STATUSES))
def test_an_ended_subscription_is_not_chosen_even_where_its_status_is_asked_for(
    status: str,
) -> None:
    assert newest(("sub_1", status, 1), statuses=(status,)) is None


def test_a_first_payment_under_way_counts_where_the_owner_says_so() -> None:
    assert newest(("sub_1", "incomplete", 1), statuses=("incomplete",)) == "sub_1"


@pytest.mark.parametrize(
    ("better", "worse"),
    [
        ("active", "past_due"),
        ("trialing", "past_due"),
        ("past_due", "unpaid"),
        ("unpaid", "paused"),
        ("paused", "incomplete"),
    ],
)
def test_a_better_status_is_chosen_before_a_later_start(better: str, worse: str) -> None:
    assert (
        newest(("sub_old", better, 1), ("sub_new", worse, 2), statuses=CHOOSABLE_STATUSES)
        == "sub_old"
    )


@pytest.mark.parametrize(
    ("older", "newer"), [("active", "trialing"), ("trialing", "active"), ("unpaid", "unpaid")]
)
def test_among_equals_the_latest_start_is_chosen(older: str, newer: str) -> None:
    assert newest(("sub_old", older, 1), ("sub_new", newer, 2)) == "sub_new"


def test_two_that_started_in_the_same_second_are_told_apart_the_same_way_every_time() -> None:
    assert newest(("sub_b", "active", 1), ("sub_a", "active", 1)) == "sub_a"


def test_where_only_one_may_go_on_several_are_an_error_that_names_no_customer() -> None:
    with pytest.raises(
        AmbiguousSubscriptionError,
        match=r"^the customer has 2 subscriptions at Stripe where one is",
    ):
        only(("sub_1", "active", 1), ("sub_2", "unpaid", 2), ("sub_3", "canceled", 3))


def test_where_only_one_may_go_on_ended_ones_do_not_disturb() -> None:
    assert (
        only(("sub_1", "canceled", 3), ("sub_2", "past_due", 1), ("sub_3", "incomplete_expired", 2))
        == "sub_2"
    )


ENTRIES = st.lists(
    st.builds(
        ListedSubscription,
        st.from_regex(r"sub_[a-z0-9]{1,4}", fullmatch=True).map(SubscriptionId),
        st.sampled_from([*CHOOSABLE_STATUSES, *ENDED_STATUSES, "new"]),
        st.integers(0, 5),
    ),
    max_size=8,
    unique_by=lambda one: one.subscription_id,
)


@given(ENTRIES, st.randoms(use_true_random=False))
def test_the_order_of_the_list_does_not_matter(
    entries: list[ListedSubscription], chance: random.Random
) -> None:
    shuffled = list(entries)
    chance.shuffle(shuffled)
    first, second = (
        choose_subscription(order, statuses=DEFAULT_STATUSES, choose="newest")
        for order in (entries, shuffled)
    )
    assert first == second


@given(ENTRIES)
def test_none_is_answered_exactly_where_no_subscription_counts(
    entries: list[ListedSubscription],
) -> None:
    chosen = choose_subscription(entries, statuses=DEFAULT_STATUSES, choose="newest")
    counting = {one.subscription_id for one in entries if one.status in DEFAULT_STATUSES}
    assert (chosen is None) == (not counting)
    assert chosen is None or chosen in counting


def test_an_entry_of_stripes_list_is_read_for_its_id_status_and_start() -> None:
    data = {"object": "subscription", "id": "sub_1", "status": "active", "created": 7, "items": {}}
    assert read_listed(data) == ListedSubscription(SubscriptionId("sub_1"), "active", 7)


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"object": "customer", "id": "cus_1", "status": "active", "created": 7},
        {"object": "subscription", "id": "sub_1", "status": "active"},
        {"object": "subscription", "id": "sub_1", "status": "active", "created": None},
        {"object": "subscription", "id": "sub_1", "status": "active", "created": "soon"},
        "sub_1",
    ],
)
def test_an_entry_that_is_no_subscription_is_refused(data: Any) -> None:
    with pytest.raises(ValueError, match=r"subscription|invalid literal"):
        read_listed(data)


# The rows of the application's own query


def owned(subscription_id: str, **record: Any) -> OwnedSubscription:
    return OwnedSubscription(CustomerId("ada"), SubscriptionId(subscription_id), record)


OLD = owned("sub_old", created=1, plan="Team")
NEW = owned("sub_new", created_at=2, plan=" Pro ")
UNDATED = owned("sub_undated", name="Storage")


def test_a_query_without_a_rule_may_return_one_subscription_or_none() -> None:
    assert choose_owned([], None) is None
    assert choose_owned([OLD], None) == OLD


def test_several_subscriptions_without_a_rule_are_refused() -> None:
    with pytest.raises(AmbiguousSubscriptionError, match="returned 2 subscriptions"):
        choose_owned([OLD, NEW], None)


@pytest.mark.parametrize(
    ("rule", "chosen"),
    [
        pytest.param("first", OLD, id="the first row"),
        pytest.param("newest", NEW, id="the latest date, and none is older than any"),
        pytest.param(lambda rows: rows[2], UNDATED, id="the owner's function"),
        pytest.param(lambda rows: None, None, id="a function that chooses none"),
    ],
)
def test_of_several_subscriptions_the_owners_rule_chooses(
    rule: RowRule, chosen: OwnedSubscription | None
) -> None:
    assert choose_owned([OLD, NEW, UNDATED], rule) == chosen


def test_a_function_may_choose_no_subscription_that_the_query_did_not_return() -> None:
    with pytest.raises(AmbiguousSubscriptionError, match="something other than one of its rows"):
        choose_owned([OLD, NEW], lambda rows: UNDATED)


def test_a_named_subscription_is_found_among_the_customers_own_only() -> None:
    assert owned_named([OLD, NEW], "sub_new") == NEW
    assert owned_named([OLD, NEW], "sub_of_another") is None


def test_a_subscription_is_called_by_its_plan_else_by_its_id() -> None:
    assert subscription_names([OLD, NEW], ["Team", None]) == ["Team", "sub_new"]


def test_two_subscriptions_of_one_name_have_their_ids_beside_it() -> None:
    second = owned("sub_second", plan="Team")

    assert subscription_names([OLD, second], ["Team", "Team"]) == [
        "Team (sub_old)",
        "Team (sub_second)",
    ]
