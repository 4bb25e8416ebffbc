"""Write ``statsmodels_values.py``: run this as a module, after ``pip install statsmodels``.

statsmodels is large, so that its values stand in a table instead of among the requirements of the tests.
"""

from __future__ import annotations

import importlib
from pathlib import Path

COUNTS = [(0, 1), (1, 1), (0, 12), (4, 12), (96, 320), (17, 80), (78, 190), (1, 1000), (999, 1000)]
PAIRS = [
    ((96, 320), (17, 80)),
    ((56, 70), (48, 80)),
    ((9, 10), (3, 10)),
    ((0, 10), (0, 20)),
    ((10, 10), (0, 20)),
    ((1, 1), (1, 1)),
    ((300, 1000), (40, 250)),
    ((40, 250), (300, 1000)),
]


def main() -> None:
    """Ask statsmodels and write what it says."""
    statsmodels = importlib.import_module("statsmodels")
    proportion = importlib.import_module("statsmodels.stats.proportion")

    lines = [
        f'"""The values of statsmodels {statsmodels.__version__}; made by ``make_statsmodels_values``."""',
        "",
        "from __future__ import annotations",
        "",
        "SHARES: list[tuple[int, int, float, float]] = [",
    ]
    for part, whole in COUNTS:
        low, high = proportion.proportion_confint(part, whole, method="wilson")
        lines.append(f"    ({part}, {whole}, {float(low)!r}, {float(high)!r}),")

    lines += [
        "]",
        "",
        "DIFFERENCES: list[tuple[tuple[int, int], tuple[int, int], float, float]] = [",
    ]
    for first, second in PAIRS:
        low, high = proportion.confint_proportions_2indep(
            *first, *second, method="newcomb", compare="diff"
        )
        lines.append(f"    ({first}, {second}, {float(low)!r}, {float(high)!r}),")
    lines += ["]", ""]
    Path(__file__).with_name("statsmodels_values.py").write_text("\n".join(lines), encoding="utf-8")


if __name__ == "__main__":
    main()
