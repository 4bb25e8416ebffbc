"""``python -m aiocancel``: the same as the command ``aiocancel``."""

from __future__ import annotations

import sys

from aiocancel.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
