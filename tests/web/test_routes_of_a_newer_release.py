"""During an upgrade one release is asked for what another recorded."""

from __future__ import annotations

import pytest

from tests.support.company import Company
from tests.support.saas import as_customer


@pytest.mark.parametrize("column", ["change", "answer"])
@pytest.mark.parametrize("accept", ["application/json", "text/html"])
async def test_a_claim_that_this_release_cannot_put_into_words_is_503_with_a_way_on(
    company: Company, column: str, accept: str
) -> None:
    company.stripe.add_subscription("sub_1")
    await company.open()
    assert company.client is not None
    post = {"grant": await company.grant(), "status": "canceled"}
    first = await company.client.post("/cancel/result", json=post, headers=as_customer("ada"))
    claim = (await first.json())["claim"]
    await company.pool.execute(f"UPDATE aiocancel.claim SET {column} = 'of_a_newer_release'")
    headers = as_customer("ada") | {"Accept": accept}

    for page in ("status", "acknowledgement"):
        response = await company.client.get(f"/cancel/{page}/{claim}", headers=headers)
        assert (response.status, response.headers["Retry-After"]) == (503, "2")
    again = await company.client.post("/cancel/result", json=post, headers=headers)
    assert (again.status, again.headers["Retry-After"]) == (503, "2")
    # What changes Stripe is asked for anew all the same.
    assert (await company.client.get("/cancel", headers=headers)).status == 200
