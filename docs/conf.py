"""Sphinx: ``python -m sphinx -W -b html docs build/docs``. Nothing is fetched from the network."""

from __future__ import annotations

import os
import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "_ext"))

project = "aiocancel"
author = "the aiocancel authors"
copyright = "the aiocancel authors"

extensions = [
    "aiocancel_tables",
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
]
exclude_patterns = ["_build"]
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3

autodoc_typehints = "signature"
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
napoleon_numpy_docstring = False

# Links into the documentation of Python and aiohttp need the network, so they are on by request only.
if os.environ.get("AIOCANCEL_DOCS_INTERSPHINX") == "1":
    extensions.append("sphinx.ext.intersphinx")
    intersphinx_mapping = {
        "python": ("https://docs.python.org/3", None),
        "aiohttp": ("https://docs.aiohttp.org/en/stable", None),
    }

html_theme = "furo"
html_title = "aiocancel"
# The theme's default would name a font service; the reader's own fonts need none.
html_theme_options = {"footer_icons": []}
