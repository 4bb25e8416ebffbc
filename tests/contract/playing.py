"""Rows of the contract, played against the simulator or against Stripe."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pytest

from aiocancel import StripeBilling
from aiocancel.billing.client import open_stripe
from aiocancel.billing.settings import API_VERSION
from aiocancel.errors import BillingError
from tests.contract.exchange import Exchange, Player, served
from tests.contract.rows import ACTIONS, SHAPES, Row
from tests.contract.stage import Stage

FIXTURES: Final = Path(__file__).parent / "fixtures"
SIMULATED_KEY: Final = "sk_test_simulator"


def refuse_what_is_no_test_key(key: str) -> str:
    if key and not key.startswith("sk_test_"):
        raise pytest.UsageError("STRIPE_TEST_KEY takes a secret test key (sk_test_…) and no other")
    return key


def fixture_of(row: Row) -> Path:
    return FIXTURES / f"{row.name}.json"


async def play(row: Row, url: str, key: str, *, start: int, pause_s: float = 0.0) -> None:
    """Play a row at this address and hold the answer and the subscription against it."""
    billing = StripeBilling(api_key=key, api_base=url)
    async with open_stripe(billing) as client:
        stage = Stage(client, start, pause_s)
        try:
            await SHAPES[row.shape](stage)
            answer = "200"
            try:
                await ACTIONS[row.action](stage)
            except BillingError as refused:
                answer = f"{refused.http_status} {refused.code}"
            shown = {**await stage.read(), "result": stage.result}
        finally:
            await stage.close()
    assert answer == row.answer or answer.startswith(f"{row.answer} ")
    expected = {path: moment(stage, value) for path, value in row.shows.items()}

    assert {path: at(shown, path) for path in expected} == expected


def moment(stage: Stage, value: Any) -> Any:
    if not isinstance(value, str) or not value.startswith("@"):
        return value
    name, _, later = value[1:].partition("+")
    base = stage.now if name == "now" else stage.notes[name]
    return base + int(later or 0)


def at(shown: Mapping[str, Any], path: str) -> Any:
    value: Any = shown
    for name in path.split("."):
        value = value[int(name)] if isinstance(value, list) else value[name]
    return value


def record(row: Row, start: int, exchanges: list[Exchange]) -> str:
    fixture = {"row": row.name, "api_version": API_VERSION, "start": start, "exchanges": exchanges}
    return json.dumps(fixture, indent=1, sort_keys=True) + "\n"


async def replay(row: Row, recorded: str) -> None:
    fixture = json.loads(recorded)
    player = Player(fixture["exchanges"])
    async with served(player) as url:
        try:
            await play(row, url, SIMULATED_KEY, start=fixture["start"])
        finally:
            assert player.differences == [], "the row was recorded otherwise: record it again"
    assert player.exchanges == []
