"""Of Stripe's refusal of a restricted key, the name of the permission is all that is kept."""

from __future__ import annotations

import pytest

from aiocancel.core.permissions import permission_named_in


@pytest.mark.parametrize(
    ("message", "permission"),
    [
        (
            "The provided key 'rk_test_***1234' does not have the required permissions for this endpoint on account "
            "'acct_1'. Having the 'rak_subscription_write' permission would allow this request to continue.",
            "subscription_write",
        ),
        ("No such subscription.", None),
        ("", None),
        (None, None),
    ],
)
def test_the_permission_that_is_missing_is_read_from_stripes_message(
    message: str | None, permission: str | None
) -> None:
    assert permission_named_in(message) == permission
