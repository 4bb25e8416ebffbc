"""``aiocancel flow simulate``: past customers, the most it could have cost, and no word about acceptance."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from aiocancel.cli.main import main
from aiocancel.core.flow.snapshot import Snapshot, snapshot_to_json
from aiocancel.testing.postgres import EmbeddedPostgres
from tests.support.commands import FLOW, TARGET, serve, with_pool
from tests.support.past_sessions import PastSession, add_sessions
from tests.support.saas import Pool

NOW = datetime.now(UTC)
KNOWN = Snapshot(
    NOW,
    price_minor=2900,
    currency="eur",
    interval="month",
    interval_count=1,
    started_at=NOW - timedelta(days=400),
)


@pytest.fixture
def shop(
    postgres: EmbeddedPostgres, template_database: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[str]:
    """The DSN of a database with four customers of last month, and one of another year."""
    name = f"simulate_{uuid.uuid4().hex}"
    database = asyncio.run(postgres.create_database(name, template=template_database))
    monkeypatch.setenv("AIOCANCEL_DATABASE_URL", database)
    serve(monkeypatch, FLOW)
    with_pool(database, fill)
    yield database
    asyncio.run(postgres.drop_database(name))


async def fill(pool: Pool) -> None:
    known, ago = snapshot_to_json(KNOWN), NOW - timedelta(days=20)
    dear = PastSession(1, opened_at=ago, snapshot=known, reason="too_expensive")
    await add_sessions(
        pool,
        dear,
        replace(dear, number=2, reason="other"),
        replace(dear, number=3, snapshot=None),
        replace(dear, number=4, snapshot={**known, "of_a_newer_release": 1}),
        replace(dear, number=5, opened_at=NOW - timedelta(days=400)),
        replace(dear, number=6, mode="live"),
    )


def test_past_customers_are_played_and_acceptance_is_not_predicted(
    shop: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["flow", "simulate", TARGET]) == 0
    text = capsys.readouterr().out
    assert main(["flow", "simulate", TARGET, "--since", "30d", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)

    assert "4 sessions of the last 180 days" in text
    assert "of 2 nothing is known, and nothing is said of them" in text
    assert "half_price: to 1 at most, for at most 43.50 EUR" in text
    assert "nobody knows" in text
    assert found["predicts_acceptance"] is False
    assert found["offers"]["half_price"] == {
        "times": 1,
        "amounts": {"eur": 4350},
        "of_unknown_cost": 0,
        "unknown": 0,
    }
    assert found["offers"]["break"]["times"] == 0
    assert "more, of whom" not in text
    assert "the newest alone" not in text
    assert found["has_more"] is False


def test_what_vendors_customers_would_have_answered_is_told_to_be_unknown(
    shop: str, capsys: pytest.CaptureFixture[str]
) -> None:
    known, ago = snapshot_to_json(KNOWN), NOW - timedelta(days=20)
    theirs = PastSession(
        7, opened_at=ago, snapshot=known, reason="R1", reasons=(), told_by="vendor"
    )
    asked_nothing = replace(theirs, number=8, reason=None)
    with_pool(shop, lambda pool: add_sessions(pool, theirs, asked_nothing))

    assert main(["flow", "simulate", TARGET]) == 0
    text = capsys.readouterr().out

    assert (
        "half_price: to 1 at most, for at most 43.50 EUR\n    and to up to 2 more, of whom" in text
    )


def test_more_sessions_than_are_played_are_said_since_they_could_have_cost_more(
    shop: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("aiocancel.postgres.report", "aiocancel.cli.flow"):
        monkeypatch.setattr(f"{module}.MOST_SESSIONS", 3)

    assert main(["flow", "simulate", TARGET]) == 0
    text = capsys.readouterr().out
    assert main(["flow", "simulate", TARGET, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)

    assert "3 sessions of the last 180 days\n  the newest alone: there are more" in text
    assert (found["sessions"], found["has_more"]) == (3, True)


def test_a_range_that_is_none_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["flow", "simulate", TARGET, "--since", "180"])

    assert end.value.code == 2
    assert "is written as 90d" in capsys.readouterr().err
