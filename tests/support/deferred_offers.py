"""Offers whose time comes later."""

from __future__ import annotations

from typing import Any

from tests.support.company import Company
from tests.support.saas import as_customer

DAY = 24 * 3600


async def status(company: Company, answer: dict[str, Any]) -> dict[str, Any]:
    assert company.client is not None
    response = await company.client.get(answer["status_url"], headers=as_customer("ada"))
    told: dict[str, Any] = await response.json()
    return told


async def wake(company: Company) -> None:
    """Let what waits be due."""
    await company.pool.execute(
        "UPDATE aiocancel.action SET due_at = now() WHERE deferred AND due_at > now()"
    )
    await company.pool.execute(
        "UPDATE aiocancel.pgqueuer SET execute_after = now() WHERE execute_after > now()"
    )


async def states(company: Company) -> list[tuple[str, str | None]]:
    rows = await company.pool.fetch(
        "SELECT state, parked_code FROM aiocancel.action WHERE kind = 'apply_offer' ORDER BY id"
    )
    return [(row["state"], row["parked_code"]) for row in rows]


async def has_ended(company: Company) -> bool:
    return all(state not in ("waiting", "running") for state, _ in await states(company))


async def take_back(company: Company, status: str, *, customer: str = "ada") -> dict[str, Any]:
    assert company.client is not None
    body = {"grant": await company.grant(customer), "status": status}
    response = await company.client.post("/cancel/result", json=body, headers=as_customer(customer))
    answer: dict[str, Any] = await response.json()
    assert response.status in (200, 202), answer
    return answer
