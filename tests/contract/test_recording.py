"""A recording holds no secret and plays again; it says so when a row is not what it was."""

from __future__ import annotations

import dataclasses
import json
import time

import aiohttp
import pytest

from aiocancel import StripeBilling
from aiocancel.billing.client import open_stripe
from aiocancel.testing.stripe.simulator import StripeSimulator
from tests.contract.exchange import Recorder, served, without_secrets
from tests.contract.playing import SIMULATED_KEY, play, record, refuse_what_is_no_test_key, replay
from tests.contract.rows import ACTIONS, ROWS, SHAPES
from tests.contract.stage import Stage

ROW = next(row for row in ROWS if row.action == "cancel at period end, then a period")


async def recorded() -> str:
    start = int(time.time()) - 3600
    async with StripeSimulator(api_key=SIMULATED_KEY).serve() as target:
        recorder = Recorder(target, requests_per_s=1000)
        async with served(recorder) as url:
            await play(ROW, url, SIMULATED_KEY, start=start)
    return record(ROW, start, recorder.exchanges)


async def test_a_recording_plays_again_without_its_secrets() -> None:
    text = await recorded()

    assert "sk_test" not in text
    assert 'hosted_invoice_url": "' not in text
    await replay(ROW, text)


async def test_a_recording_of_another_row_or_of_another_answer_is_noticed() -> None:
    fixture = json.loads(await recorded())
    other = dataclasses.replace(ROW, action="cancel now")
    with pytest.raises(AssertionError, match="record it again"):
        await replay(other, json.dumps(fixture))

    for exchange in fixture["exchanges"]:
        if exchange["body"].get("status") == "canceled":
            exchange["body"]["status"] = "active"
    with pytest.raises(AssertionError):
        await replay(ROW, json.dumps(fixture))


async def test_a_row_that_expects_something_else_fails() -> None:
    wrong = dataclasses.replace(ROW, shows={"status": "active"})
    async with StripeSimulator(api_key=SIMULATED_KEY).serve() as url:
        with pytest.raises(AssertionError):
            await play(wrong, url, SIMULATED_KEY, start=int(time.time()))


async def test_what_cannot_be_deleted_keeps_nothing_else_from_being_deleted() -> None:
    simulator = StripeSimulator(api_key=SIMULATED_KEY)
    async with (
        simulator.serve() as url,
        open_stripe(StripeBilling(api_key=SIMULATED_KEY, api_base=url)) as client,
    ):
        stage = Stage(client, int(time.time()))
        await stage.open()
        stage.tidy_later("delete", "/v1/coupons/there_is_none")
        assert stage.clock in simulator.clocks

        await stage.close()

        assert stage.clock not in simulator.clocks


@pytest.mark.parametrize("key", ["sk_live_1", "rk_live_1", "rk_test_1", "nonsense"])
def test_only_a_secret_test_key_is_taken(key: str) -> None:
    with pytest.raises(pytest.UsageError):
        refuse_what_is_no_test_key(key)


async def test_a_live_key_goes_no_further_than_the_recorder() -> None:
    recorder = Recorder("http://127.0.0.1:9")
    headers = {"Authorization": "Bearer sk_live_1"}
    async with (
        served(recorder) as url,
        aiohttp.ClientSession() as session,
        session.get(f"{url}/v1/account", headers=headers) as response,
    ):
        assert response.status == 401
    assert recorder.exchanges == []


def test_what_looks_like_a_key_or_a_person_is_not_kept() -> None:
    kept = without_secrets(
        {"a": ["the key rk_test_**1234 may not"], "email": "ada@example.com", "client_secret": "s"}
    )
    assert kept == {"a": ["the key key may not"], "email": None, "client_secret": None}


async def test_requests_keep_to_stripes_pace() -> None:
    async with StripeSimulator(api_key=SIMULATED_KEY).serve() as target:
        recorder = Recorder(target, requests_per_s=20)
        began = time.monotonic()
        headers = {"Authorization": f"Bearer {SIMULATED_KEY}"}
        async with served(recorder) as url, aiohttp.ClientSession(headers=headers) as session:
            for _ in range(6):
                await (await session.get(f"{url}/v1/account")).read()
    assert time.monotonic() - began >= 5 / 20


def test_every_name_is_used_once_and_every_row_with_a_source_names_it() -> None:
    assert len({row.name for row in ROWS}) == len(ROWS)
    assert {row.shape for row in ROWS} == SHAPES.keys()
    assert {row.action for row in ROWS} == ACTIONS.keys()
    for row in ROWS:
        assert bool(row.source) == (row.evidence != "unverified"), row.name
