"""The script that takes the documentation's pictures works on the demo as it is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.browser import screenshots
from tests.support.browser import chromium_path, not_available

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """Where the pictures go; afterwards they have to be those that the documentation has."""
    yield tmp_path
    taken = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    assert taken.keys() == {file.name for file in screenshots.PICTURES.iterdir()}
    assert all(content.startswith(b"\x89PNG") for content in taken.values())


async def test_the_pictures_can_be_taken_again(folder: Path) -> None:
    if chromium_path() is None:
        not_available("needs Chromium: install the package chromium")

    await screenshots.main(folder)
