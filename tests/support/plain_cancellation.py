"""A cancellation on the plain page."""

from __future__ import annotations

from tests.support.company import Company
from tests.support.saas import as_customer


async def cancel_plainly(company: Company) -> str:
    assert company.client is not None
    body = {"grant": await company.grant(), "status": "canceled", "reason": "moving on"}
    async with company.client.post(
        "/cancel/result", json=body, headers=as_customer("ada")
    ) as response:
        return str((await response.json())["outcome"])
