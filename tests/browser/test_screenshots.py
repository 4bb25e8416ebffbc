"""The script that takes the documentation's pictures works on the demo as it is."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.browser import own_flow_pictures, screenshots
from tests.support.browser import chromium_path, not_available

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """Where the pictures go; afterwards they have to be those that the documentation has."""
    yield tmp_path
    taken = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    assert taken.keys() == {
        file.name
        for file in screenshots.PICTURES.iterdir()
        # The console has a script of its own.
        if file.is_file() and not file.name.startswith("console-")
    }
    assert all(content.startswith(b"\x89PNG") for content in taken.values())


async def test_the_pictures_can_be_taken_again(folder: Path) -> None:
    if chromium_path() is None:
        not_available("needs Chromium: install the package chromium")

    await screenshots.main(folder)


async def test_the_pictures_of_our_own_flow_can_be_taken_again(tmp_path: Path) -> None:
    if chromium_path() is None:
        not_available("needs Chromium: install the package chromium")
    look = own_flow_pictures.Look("dialog", 390, "dark")

    await own_flow_pictures.main(tmp_path, [look])

    # One of the eight ways; the others differ by a width, a scheme and a button.
    assert set(os.listdir(tmp_path)) == {look.file(screen) for screen in own_flow_pictures.SCREENS}
    assert set(os.listdir(own_flow_pictures.FOLDER)) == {
        each.file(screen)
        for each in own_flow_pictures.LOOKS
        for screen in own_flow_pictures.SCREENS
    }
