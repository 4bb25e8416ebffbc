"""The vendor's client in a real Chromium, under the narrowest policy, against the simulator.

The stand-in that the demonstration falls back to has to pass the same tests.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from importlib.resources import files
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import FrameLocator, Page, expect

from aiocancel.testing.prosperstack.simulator import ProsperStackSimulator
from tests.support.browser import Observed, host_page, strict_policy

pytestmark = [pytest.mark.browser]

OFFER_TYPES = ["coupon", "trial_extension", "change_plan", "pause_subscription", "custom"]
PHONE = {"width": 390, "height": 844}

OpenFlow = Callable[..., Awaitable[FrameLocator]]


@pytest.fixture
def simulator(aiocancel_prosperstack: ProsperStackSimulator) -> ProsperStackSimulator:
    return aiocancel_prosperstack


@pytest.fixture(params=["genuine", "stand-in"])
def client_js(request: pytest.FixtureRequest) -> bytes:
    if request.param == "genuine":
        content: bytes = request.getfixturevalue("flow_client").read_bytes()
        return content
    return files("aiocancel.testing.prosperstack").joinpath("standin.js").read_bytes()


@pytest_asyncio.fixture(loop_scope="session")
async def open_flow(
    page: Page, simulator: ProsperStackSimulator, client_js: bytes
) -> AsyncIterator[OpenFlow]:
    """Go to a page with the client and press its cancel button; gives the frame it opens."""
    async with AsyncExitStack() as stack:

        async def open_(
            *, options: dict[str, Any] | None = None, sign: bool = True, **policy: str
        ) -> FrameLocator:
            hosts = await stack.enter_async_context(simulator.serve())
            text = json.dumps(
                {"clientId": simulator.client_id, "subscription": {"platformId": "sub_1"}}
            )
            signature = simulator.sign(text.encode()) if sign else "00"
            payload = {"payload": text, "signature": signature}
            url = await stack.enter_async_context(
                host_page(
                    hosts,
                    client_js,
                    payload,
                    policy=strict_policy(hosts, **policy),
                    options=options,
                )
            )

            await page.goto(url)
            await page.click("#cancel")

            return page.frame_locator("iframe.prosperstack-iframe")

        yield open_


async def calls(page: Page, *, until: str) -> list[str]:
    """What the client called back, in order, once it has called ``until``."""
    await page.wait_for_function("name => window.calls.some(([each]) => each === name)", arg=until)
    names: list[str] = await page.evaluate("window.calls.map(([name]) => name)")
    return names


async def completed(page: Page) -> dict[str, Any]:
    await page.wait_for_function("() => window.calls.some(([name]) => name === 'completed')")
    result: dict[str, Any] = await page.evaluate(
        "window.calls.find(([name]) => name === 'completed')[1]"
    )
    return result


async def answer_question(flow: FrameLocator) -> None:
    await flow.locator("[data-test=reason-too_expensive]").click()
    await flow.locator("[data-test=comment]").fill("Too dear for us")
    await flow.locator("[data-test=continue]").click()


async def choose_to_cancel(flow: FrameLocator) -> None:
    await answer_question(flow)
    await flow.locator("[data-test=decline-offers]").click()
    await flow.locator("[data-test=confirm-cancel]").click()


async def expect_page_as_before(page: Page) -> None:
    await expect(page.locator("iframe")).to_have_count(0)
    await expect(page.locator("#prosperstack-overlay")).to_have_count(0)
    await expect(page.locator("#prosperstack-style")).to_have_count(0)
    assert await page.evaluate("getComputedStyle(document.body).overflow") == "visible"


async def test_a_customer_who_confirms_is_reported_as_canceled(
    page: Page, observed: Observed, open_flow: OpenFlow, simulator: ProsperStackSimulator
) -> None:
    flow = await open_flow()
    await choose_to_cancel(flow)

    assert await calls(page, until="closed") == ["started", "completed", "closed"]
    result = await completed(page)
    (session,) = simulator.sessions.values()
    assert result == {"status": "canceled", "flowSession": session}
    assert session["cancel_reason"] == {
        "text": "It is too expensive",
        "reason_code": "too_expensive",
    }
    assert session["answers"][1]["value"] == "Too dear for us"
    assert [event["event"] for event in simulator.events] == [
        "flow_session_started",
        "flow_session_completed",
    ]
    await expect_page_as_before(page)
    assert observed.csp_violations == []
    assert observed.errors == []


@pytest.mark.parametrize("offer_type", OFFER_TYPES)
async def test_an_accepted_offer_is_reported_as_saved_with_its_details(
    page: Page,
    observed: Observed,
    open_flow: OpenFlow,
    simulator: ProsperStackSimulator,
    offer_type: str,
) -> None:
    flow = await open_flow()
    await answer_question(flow)
    await flow.locator(f"[data-test=accept-{offer_type}]").click()

    assert await calls(page, until="closed") == ["started", "completed", "closed"]
    result = await completed(page)
    assert result["status"] == "saved"
    offered = next(offer for offer in simulator.offers if offer["type"] == offer_type)
    assert result["flowSession"]["offer_accepted"] == offered
    assert observed.csp_violations == []
    assert observed.errors == []


async def test_closing_the_flow_early_reports_closed_and_nothing_else(
    page: Page, observed: Observed, open_flow: OpenFlow, simulator: ProsperStackSimulator
) -> None:
    flow = await open_flow()
    await flow.locator("[data-test=close]").click()

    assert await calls(page, until="closed") == ["started", "closed"]
    await expect_page_as_before(page)
    (session,) = simulator.sessions.values()
    assert session["status"] == "in_progress"
    assert observed.csp_violations == []
    assert observed.errors == []


async def test_a_flow_that_reports_early_closing_completes_as_incomplete(
    page: Page, observed: Observed, open_flow: OpenFlow, simulator: ProsperStackSimulator
) -> None:
    simulator.report_incomplete = True
    flow = await open_flow()
    await flow.locator("[data-test=close]").click()

    assert await calls(page, until="closed") == ["started", "completed", "closed"]
    assert (await completed(page))["status"] == "incomplete"
    assert observed.errors == []


async def test_with_a_confirmation_step_the_result_arrives_before_the_flow_closes(
    page: Page, observed: Observed, open_flow: OpenFlow, simulator: ProsperStackSimulator
) -> None:
    simulator.confirmation_step = True
    flow = await open_flow()
    await choose_to_cancel(flow)

    assert await calls(page, until="completed") == ["started", "completed"]
    await flow.locator("[data-test=done]").click()
    assert await calls(page, until="closed") == ["started", "completed", "closed"]
    await expect_page_as_before(page)
    assert observed.csp_violations == []
    assert observed.errors == []


async def test_an_error_of_the_vendor_is_shown_and_reported_and_can_be_closed(
    page: Page, observed: Observed, open_flow: OpenFlow, simulator: ProsperStackSimulator
) -> None:
    simulator.fail_next(429, error="Slow down.", path="/flow")
    panel = await open_flow()

    assert await calls(page, until="error") == ["error"]
    assert await page.evaluate("window.calls[0][1]") == "Slow down."
    await expect(panel.locator(".prosperstack-error-message")).to_have_text("Error: Slow down.")
    await panel.get_by_text("Close").click()
    await expect_page_as_before(page)
    assert observed.csp_violations == []
    assert observed.errors == []


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (503, "The service is undergoing scheduled maintenance. Please try again later."),
        (504, "The service is currently unavailable. Please try again later."),
    ],
)
async def test_an_unavailable_vendor_is_reported_in_the_clients_own_words(
    page: Page, open_flow: OpenFlow, simulator: ProsperStackSimulator, status: int, message: str
) -> None:
    simulator.fail_next(status, path="/flow")
    await open_flow()
    assert await calls(page, until="error") == ["error"]
    assert await page.evaluate("window.calls[0][1]") == message


async def test_a_lost_connection_to_the_vendor_is_reported_as_an_error(
    page: Page, open_flow: OpenFlow, simulator: ProsperStackSimulator
) -> None:
    # More than once: Chromium repeats a POST by itself when a reused connection is cut.
    simulator.fail_next(drop=True, path="/flow", times=5)
    await open_flow()
    assert await calls(page, until="error") == ["error"]
    assert await page.evaluate("window.calls[0][1]") == "Failed to fetch"


async def test_a_payload_with_a_wrong_signature_opens_no_flow(
    page: Page, open_flow: OpenFlow, simulator: ProsperStackSimulator
) -> None:
    await open_flow(sign=False)
    await calls(page, until="error")
    assert await page.evaluate("window.calls[0][1]") == "The signature is not valid."
    assert simulator.sessions == {}


async def test_a_policy_without_the_vendors_api_ends_in_an_error(
    page: Page, observed: Observed, open_flow: OpenFlow
) -> None:
    await open_flow(connect_src="'none'")
    assert await calls(page, until="error") == ["error"]
    assert any(text.startswith("connect-src") for text in observed.reported_violations)


async def test_a_policy_without_the_vendors_app_leaves_the_customer_waiting(
    page: Page, open_flow: OpenFlow
) -> None:
    async with page.expect_console_message(
        lambda message: "Content Security Policy" in message.text
    ):
        await open_flow(frame_src="'none'")
    await expect(page.locator(".prosperstack-spinner")).to_have_count(1)
    assert await page.evaluate("window.calls") == []


async def test_a_hanging_flow_can_be_ended_by_the_page_and_started_again(
    page: Page, observed: Observed, open_flow: OpenFlow, simulator: ProsperStackSimulator
) -> None:
    simulator.fail_next(delay_s=60, path="/f/")
    flow = await open_flow()
    await expect(page.locator(".prosperstack-spinner")).to_have_count(1)
    await page.wait_for_selector("iframe.prosperstack-iframe", state="attached")

    # What the app itself would say; the client asks only for the origin.
    closed = "origin => window.dispatchEvent(new MessageEvent('message', {origin, data: {message: 'closed'}}))"
    await page.evaluate(closed, await page.evaluate("window.__PROSPERSTACK_DEBUG_APP_HOST__"))
    assert await calls(page, until="closed") == ["closed"]
    await expect_page_as_before(page)

    await page.click("#cancel")
    await choose_to_cancel(flow)
    await page.wait_for_function(
        "() => window.calls.filter(([name]) => name === 'closed').length === 2"
    )
    assert await calls(page, until="closed") == ["closed", "started", "completed", "closed"]
    assert observed.errors == []


@pytest.mark.parametrize("size", [{"width": 1280, "height": 800}, PHONE], ids=["desktop", "phone"])
async def test_the_flow_covers_the_whole_page_and_fits_its_width(
    page: Page, open_flow: OpenFlow, size: dict[str, int]
) -> None:
    await page.set_viewport_size({"width": size["width"], "height": size["height"]})
    flow = await open_flow()
    await calls(page, until="started")

    frame = page.locator("iframe.prosperstack-iframe")
    await expect(frame).to_have_css("opacity", "1")
    await expect(frame).to_have_css("position", "fixed")
    await expect(frame).to_have_css("z-index", "2147483647")
    for covering in (frame, page.locator("#prosperstack-overlay")):
        box = await covering.bounding_box()
        assert box is not None
        assert dict(box) == {"x": 0, "y": 0, **size}
    assert await page.evaluate("getComputedStyle(document.body).overflow") == "hidden"
    for show_next in ("reason-too_expensive", "continue", "decline-offers", "confirm-cancel"):
        width = await flow.locator("html").evaluate("root => root.scrollWidth")
        assert width == size["width"]
        await flow.locator(f"[data-test={show_next}]").click()


async def test_a_modal_flow_leaves_the_page_visible_around_it(
    page: Page, observed: Observed, open_flow: OpenFlow
) -> None:
    await open_flow(options={"displayMode": "modal"})
    await calls(page, until="started")
    box = await page.locator("iframe.prosperstack-iframe.modal").bounding_box()
    assert box is not None
    assert box["width"] < 1280
    assert box["height"] < 800
    assert observed.csp_violations == []


async def test_a_page_that_asks_for_a_redirect_is_taken_there_after_the_result(
    page: Page, open_flow: OpenFlow, simulator: ProsperStackSimulator
) -> None:
    simulator.redirect_uri = "/?after=flow"
    flow = await open_flow()
    await choose_to_cancel(flow)
    await page.wait_for_url("**/?after=flow")
