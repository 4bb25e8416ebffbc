"""What axe-core finds on a page, by every rule for WCAG 2.2 AA and for best practice."""

from __future__ import annotations

from typing import Any

from playwright.async_api import Page

from tests.support.browser import AXE_PACKAGE, accessibility_engine, not_available

_RUN = """async ([scope, rules]) => {
  const tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
  const ran = await window.axe.run(scope || document, { runOnly: rules || tags, resultTypes: ["violations"] });
  return ran.violations.map((each) => [each.id, ...each.nodes.map((node) => node.html)]);
}"""


def engine() -> str:
    """The engine's source; a test that needs it is skipped, or fails, where npm cannot fetch it."""
    source = accessibility_engine()
    if source is None:
        not_available(f"needs axe-core: install npm, which must be able to fetch {AXE_PACKAGE}")
    return source


async def findings(
    page: Page, scope: str | None = None, *, rules: list[str] | None = None
) -> list[Any]:
    """Return each broken rule with the elements that break it; none is an empty list. ``rules`` names a few of them."""
    if not await page.evaluate("() => Boolean(window.axe)"):
        await page.evaluate(engine())
    found: list[Any] = await page.evaluate(_RUN, [scope, rules])
    return found
