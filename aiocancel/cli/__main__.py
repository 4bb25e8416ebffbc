"""``python -m aiocancel.cli``."""

from aiocancel.cli.main import main

raise SystemExit(main())
