"""How the benchmark of the flow's screens reads when a page was painted."""

from __future__ import annotations

import pytest
from playwright.async_api import Page

from tests.benchmarks.own_flow_screens import PAINTED

pytestmark = pytest.mark.browser

# It has nothing to paint when it is loaded.
LATE = "data:text/html,<body><script>setTimeout(() => document.body.append('words'), 200)</script>"


async def test_a_page_that_is_loaded_before_it_is_painted_has_the_time_of_its_paint(
    page: Page,
) -> None:
    await page.goto(LATE)

    painted_ms = await page.evaluate(PAINTED)

    assert painted_ms > 0
