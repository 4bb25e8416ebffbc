"""What must not keep the customers of a scenario waiting: rows that cannot be read, a vendor that hangs, a flood."""

from __future__ import annotations

import asyncio
import signal
from collections import Counter
from itertools import count, cycle

import aiohttp

from tests.crash.stage import OUTAGES, START_WITHIN_S, Stage
from tests.support.saas import as_customer
from tests.support.sqlstates import STATES
from tests.support.waiting import until

# Whose name begins so is no customer of the scenario, and is not counted with them.
PREFIX = "trouble_"
# A worker's lease, a restart and the answer of a slow machine lie within it; the hanging vendor does not.
NO_WAIT_S = 10.0
FLOOD_S = 40.0

UNREADABLE = """
WITH claimed AS (
    INSERT INTO aiocancel.claim (public_id, grant_nonce, uses_grant, vendor, status, customer_id, subscription_id, mode,
        change, recovery_point)
    SELECT gen_random_uuid(), gen_random_uuid()::text, true, 'prosperstack', 'saved', $1, $1, 'test', 'offer',
        'actions_enqueued'
    RETURNING id, public_id)
INSERT INTO aiocancel.action (claim_id, ordinal, kind, subscription_id, idempotency_key, offer)
SELECT id, 0, 'apply_offer', $1, 'aiocancel-' || public_id::text || '-0-1', '{"offer_id": "no terms"}' FROM claimed
"""

KEPT_WAITING = """
SELECT count(*) FROM aiocancel.action
WHERE kind IN ('cancel_at_period_end', 'cancel_now') AND state IN ('waiting', 'running')
  AND created_at < now() - make_interval(secs => $1)
"""


REFUSE = """
CREATE TABLE refusal (sqlstate text);
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM public.refusal) THEN
        RAISE EXCEPTION 'refused' USING ERRCODE = (SELECT sqlstate FROM public.refusal);
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER refuse BEFORE INSERT ON aiocancel.claim FOR EACH ROW EXECUTE FUNCTION refuse();
CREATE TRIGGER refuse BEFORE UPDATE ON aiocancel.action FOR EACH ROW EXECUTE FUNCTION refuse();
CREATE TRIGGER refuse BEFORE INSERT ON aiocancel.attempt FOR EACH ROW EXECUTE FUNCTION refuse();
"""


async def refuse(stage: Stage) -> None:
    """PostgreSQL refuses to store anything, with every SQLSTATE that there is, a moment for each."""
    await stage.pool.execute(REFUSE)
    states = stage.chance.sample(STATES, len(STATES))
    try:
        for state in cycle(states):
            await stage.pool.execute("INSERT INTO refusal VALUES ($1)", state)
            stage.count("times refused")
            await asyncio.sleep(0.05)
            await stage.pool.execute("DELETE FROM refusal")
            await asyncio.sleep(0.05)
    finally:
        await stage.pool.execute("DELETE FROM refusal")


async def leave_unreadable_rows(stage: Stage) -> None:
    """Rows that no release can read stand in the backlog that the workers find when they come back."""
    number = 0

    async def wait() -> None:
        nonlocal number
        for _ in range(3):
            number += 1
            await stage.pool.execute(UNREADABLE, f"{PREFIX}{number}")
            stage.count("unreadable rows")
            await asyncio.sleep(0.5)

    while True:
        await asyncio.sleep(stage.chance.uniform(0.5, 1.5))
        await stage.restart_workers(wait, signal.SIGTERM)
        await until(stage.all_up, within_s=START_WITHIN_S)
        await stage.progress()


async def hang_vendor(stage: Stage) -> None:
    """The flow vendor takes questions and answers none; no cancellation may wait for that."""
    try:
        while True:
            stage.flows.fail_next(path="/v1", times=10**6, delay_s=60.0)
            stage.count("times the vendor hung")
            for _ in range(10):
                await asyncio.sleep(1.0)
                await _look_for_waiting(stage)
            stage.flows.heal()
            await asyncio.sleep(2.0)
    finally:
        stage.flows.heal()


async def flood(stage: Stage) -> None:
    """One customer posts flow sessions that are made up, as fast as the site answers, while the vendor hangs."""
    name = f"{PREFIX}flooder"
    stage.stripe.add_subscription(f"sub_{name}")
    await stage.pool.execute("INSERT INTO app_subscription VALUES ($1, $2)", name, f"sub_{name}")
    stage.flows.fail_next(path="/v1", times=10**6, delay_s=60.0)
    # What asks the vendor ends with the flood; the customers behind it come as fast as ever.
    stage.most_unfinished = 10**6
    statuses: Counter[int] = Counter()

    try:
        async with aiohttp.ClientSession(headers=as_customer(name)) as session:
            ends_at = asyncio.get_running_loop().time() + FLOOD_S
            for number in count():
                if asyncio.get_running_loop().time() > ends_at:
                    # A customer who accepted an offer meanwhile waits for the vendor as well, and not for ever.
                    return
                if urls := stage.sites("at_period_end"):
                    statuses[await _post_invented(session, urls[0], number)] += 1
                    stage.count("posts of the flood")
                await _look_for_waiting(stage)
                await asyncio.sleep(0.05)
    finally:
        stage.flows.heal()
        if not 0 < statuses[202] <= 4:
            stage.problems.append(f"the flood was answered {dict(statuses)}")


async def _post_invented(session: aiohttp.ClientSession, url: str, number: int) -> int:
    async with session.get(f"{url}/cancel/payload") as response:
        grant = (await response.json())["flow"]["grant"]
    result = {"status": "saved", "flowSession": {"id": f"invented_{number}"}}
    async with session.post(
        f"{url}/cancel/result", json={"grant": grant, "result": result}
    ) as response:
        return response.status


async def _look_for_waiting(stage: Stage) -> None:
    try:
        waiting = await stage.pool.fetchval(KEPT_WAITING, NO_WAIT_S)
    except OUTAGES:
        return
    if waiting:
        stage.problems.append(f"{waiting} cancellations were kept waiting")
