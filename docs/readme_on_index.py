"""The README as a package index shows it.

An index has no files beside the page, so a relative link or picture would be dead there. The project has no
public address yet that could make them absolute. So the build leaves pictures out, and keeps only the words of
such a link.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

PICTURE = re.compile(r"^!\[[^\]]*\]\((?!https?:)[^)]+\)\n*", re.MULTILINE)
LINK = re.compile(r"\[([^\]]+)\]\((?!https?:|#)[^)]+\)")


def on_index(readme: str) -> str:
    """Return the README without what only works beside the project's files."""
    return LINK.sub(r"\1", PICTURE.sub("", readme))


class ReadmeOnIndex(MetadataHookInterface):
    """Called by hatchling when it makes the package's metadata."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Set the readme."""
        text = (Path(self.root) / "README.md").read_text(encoding="utf-8")
        metadata["readme"] = {"content-type": "text/markdown", "text": on_index(text)}
