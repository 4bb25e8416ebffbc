"""Ends that were told of are remembered for whoever begins to wait a moment later, and no longer."""

from __future__ import annotations

import uuid
from typing import cast

from aiocancel.postgres.endings import Endings
from tests.support.saas import Pool


def test_an_end_that_came_before_the_wait_is_known_and_the_memory_of_ends_is_small() -> None:
    endings = Endings(cast("Pool", None))
    told = [uuid.UUID(int=number) for number in range(2_001)]

    for public_id in told:
        endings.tell(public_id)

    with endings.expect(told[-1]) as last, endings.expect(told[1]) as second:
        assert last.is_set()
        assert second.is_set()
    with endings.expect(told[0]) as first:
        assert not first.is_set()
