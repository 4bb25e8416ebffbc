"""A visitor of a site in a real browser: the same few deeds in Chromium and in Firefox.

Elements are named by a JavaScript expression, or by the words on them. The vendor's window is the iframe in which
ProsperStack's app runs.
"""

from __future__ import annotations

import asyncio
import json
import time
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

from playwright.async_api import Error, Frame, Page

from tests.support.browser import Observed
from tests.support.firefox import VIOLATIONS, BiDiError, Connection

WINDOW: Final = "iframe.prosperstack-iframe"
_WITHIN_S: Final = 15.0
_EVERY_S: Final = 0.05
# The key's value in WebDriver. https://www.w3.org/TR/webdriver/#keyboard-actions
_KEYS: Final = {"Escape": "\ue00c"}


class Visitor(ABC):
    """One visitor with cookies of their own."""

    observed: Observed

    @abstractmethod
    async def goto(self, url: str) -> None:
        """Open a page and wait until it is loaded."""

    @abstractmethod
    async def evaluate(self, expression: str, *, in_window: bool = False) -> Any:
        """Return what a JavaScript expression, or the promise that it is, comes to, as a JSON value."""

    @abstractmethod
    async def click_on(self, expression: str, *, in_window: bool = False) -> None:
        """Click with the mouse on the element that an expression comes to."""

    @abstractmethod
    async def press_key(self, key: str) -> None:
        """Press a key while the page, and not the vendor's window, has the focus."""

    async def until(self, expression: str, *, in_window: bool = False) -> None:
        """Wait until an expression is true."""
        ends_at = time.monotonic() + _WITHIN_S
        while True:
            try:
                if await self.evaluate(f"Boolean({expression})", in_window=in_window):
                    return
            except (BiDiError, Error):
                # A page that is being left, or a frame that is not there yet.
                pass
            if time.monotonic() > ends_at:
                raise AssertionError(f"never true: {expression}")
            await asyncio.sleep(_EVERY_S)

    async def click(self, words: str, *, in_window: bool = False) -> None:
        """Click on the visible button or link with these words."""
        await self.click_element(_named(words), in_window=in_window)

    async def click_test(self, name: str) -> None:
        """Click on the element of the vendor's window with this ``data-test``."""
        await self.click_element(
            f"document.querySelector({json.dumps(f'[data-test={name}]')})", in_window=True
        )

    async def click_element(self, expression: str, *, in_window: bool = False) -> None:
        """Wait for an element that can be clicked, and click on it."""
        usable = f"((e) => e && !e.disabled && e.getClientRects().length)({expression})"
        await self.until(usable, in_window=in_window)
        await self.click_on(expression, in_window=in_window)

    async def sees(self, words: str, *, where: str = ".aiocancel-status") -> None:
        """Wait for words in an element of the page."""
        element = f"document.querySelector({json.dumps(where)})"
        try:
            await self.until(f"{element}?.textContent.includes({json.dumps(words)})")
        except AssertionError:
            shown = await self.evaluate(f"{element}?.textContent ?? document.body.innerText")
            raise AssertionError(f"{words!r} is not in {shown!r}") from None

    async def count(self, selector: str) -> int:
        """The number of elements of the page that a selector finds."""
        found: int = await self.evaluate(
            f"document.querySelectorAll({json.dumps(selector)}).length"
        )
        return found


def _named(words: str) -> str:
    return (
        "[...document.querySelectorAll('button, a')].find((e) =>"
        f" e.textContent.trim() === {json.dumps(words)} && e.getClientRects().length)"
    )


class ChromiumVisitor(Visitor):
    """Chromium by Playwright."""

    def __init__(self, page: Page, observed: Observed) -> None:
        self._page = page
        self.observed = observed

    async def goto(self, url: str) -> None:
        await self._page.goto(url)

    async def _frame(self, *, in_window: bool) -> Frame:
        if not in_window:
            return self._page.main_frame
        element = await self._page.query_selector(WINDOW)
        frame = await element.content_frame() if element is not None else None
        if frame is None:
            raise Error("the window is not there")
        return frame

    async def evaluate(self, expression: str, *, in_window: bool = False) -> Any:
        frame = await self._frame(in_window=in_window)
        return await frame.evaluate(f"() => ({expression})")

    async def click_on(self, expression: str, *, in_window: bool = False) -> None:
        frame = await self._frame(in_window=in_window)
        element = (await frame.evaluate_handle(f"() => ({expression})")).as_element()
        assert element is not None
        await element.click()

    async def press_key(self, key: str) -> None:
        await self._page.keyboard.press(key)


class FirefoxVisitor(Visitor):
    """Firefox by WebDriver BiDi."""

    def __init__(self, connection: Connection, context: str, observed: Observed) -> None:
        self._connection = connection
        self._context = context
        self.observed = observed

    async def goto(self, url: str) -> None:
        await self._connection.send(
            "browsingContext.navigate", context=self._context, url=url, wait="complete"
        )

    async def _target(self, *, in_window: bool) -> str:
        if not in_window:
            return self._context
        tree = await self._connection.send("browsingContext.getTree", root=self._context)
        frames = [each for each in tree["contexts"][0]["children"] if "/f/" in each["url"]]
        if not frames:
            raise BiDiError("the window is not there")
        context: str = frames[-1]["context"]
        return context

    async def _run(self, expression: str, context: str) -> dict[str, Any]:
        answer = await self._connection.send(
            "script.evaluate",
            expression=expression,
            target={"context": context},
            awaitPromise=True,
        )
        if answer["type"] == "exception":
            raise BiDiError(answer["exceptionDetails"]["text"])
        result: dict[str, Any] = answer["result"]
        return result

    async def evaluate(self, expression: str, *, in_window: bool = False) -> Any:
        context = await self._target(in_window=in_window)
        # As a text, or every value would have to be unpacked from the protocol's own form.
        packed = f"(async () => JSON.stringify((await ({expression})) ?? null))()"
        return json.loads((await self._run(packed, context))["value"])

    async def click_on(self, expression: str, *, in_window: bool = False) -> None:
        # A click would miss what is still moving. A spinner turns for ever.
        moving = "(e) => e instanceof CSSTransition && e.playState === 'running'"
        await self.until(f"!document.getAnimations().some({moving})")
        shown = f"((e) => {{ e.scrollIntoView({{ block: 'center' }}); return e; }})({expression})"
        x, y = await self._middle(shown, in_window=in_window)

        if in_window:
            # From the page's own corner: Firefox misses a frame that does not begin there.
            left, top = await self.evaluate(
                f"(({{ x, y }}) => [x, y])(document.querySelector('{WINDOW}').getBoundingClientRect())"
            )
            x, y = x + left, y + top

        mouse = [
            {"type": "pointerMove", "x": round(x), "y": round(y)},
            {"type": "pointerDown", "button": 0},
            {"type": "pointerUp", "button": 0},
        ]
        actions = [{"type": "pointer", "id": "mouse", "actions": mouse}]
        await self._connection.send("input.performActions", context=self._context, actions=actions)

    async def _middle(self, expression: str, *, in_window: bool) -> tuple[float, float]:
        corner = "(({ x, y, width, height }) => [x + width / 2, y + height / 2])"
        x, y = await self.evaluate(
            f"{corner}(({expression}).getBoundingClientRect())", in_window=in_window
        )
        return x, y

    async def press_key(self, key: str) -> None:
        value = _KEYS[key]
        presses = [{"type": "keyDown", "value": value}, {"type": "keyUp", "value": value}]
        actions = [{"type": "key", "id": "keyboard", "actions": presses}]
        await self._connection.send("input.performActions", context=self._context, actions=actions)


@asynccontextmanager
async def visit_in_firefox(connection: Connection) -> AsyncIterator[FirefoxVisitor]:
    """Open a tab of a visitor of its own, and watch it in every frame and over every navigation."""
    observed = Observed()
    user = (await connection.send("browser.createUserContext"))["userContext"]
    made = await connection.send("browsingContext.create", type="tab", userContext=user)

    def on_event(method: str, params: dict[str, Any]) -> None:
        if method == "script.message":
            observed.reported_violations.append(params["data"]["value"])
        elif "Content-Security-Policy:" in params["text"]:
            # Firefox's spelling of the words that both browsers log.
            observed.console.append(f"Content Security Policy: {params['text']}")
        elif params["type"] == "javascript":
            observed.errors.append(params["text"])
        else:
            observed.console.append(f"{params['level']}: {params['text']}")

    connection.listeners.append(on_event)
    channel = {"type": "channel", "value": {"channel": "violations"}}
    script = await connection.send(
        "script.addPreloadScript",
        functionDeclaration=VIOLATIONS,
        arguments=[channel],
        userContexts=[user],
    )
    try:
        yield FirefoxVisitor(connection, made["context"], observed)
    finally:
        connection.listeners.remove(on_event)
        await connection.send("script.removePreloadScript", script=script["script"])
        await connection.send("browser.removeUserContext", userContext=user)
