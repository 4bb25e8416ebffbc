"""Charts as SVG, made on the server: no script, no style attribute, and a table beside each.

Colours come from classes, the geometry stands in attributes. Bars begin at nothing; dots need not.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, Literal

from markupsafe import Markup

from aiocancel.core.measures.interval import Interval, Share

Mark = Literal["dot", "hollow", "paused"]

_HEIGHT: Final = 160
_BOTTOM: Final = 24
_LEFT: Final = 34
# A column for a narrow screen and one for a wide one.
WIDTHS: Final = (340, 720)
MOST_COLUMNS: Final = 26
_SMALL_WIDTH: Final = 160
_SMALL_HEIGHT: Final = 64


def columns(
    values: Sequence[tuple[str, int]],
    say: Callable[[int, int, int], str],
    *,
    label: Callable[[str], str] = str,
    number: Callable[[int], str] = str,
    so_far: bool = True,
) -> Markup:
    """Return one series of columns from nothing up, twice: for a narrow screen and for a wide one.

    Args:
        values: The label and the count of each column, oldest first; the newest ``MOST_COLUMNS`` are drawn.
        say: Says what is drawn, for those who do not see it, of the least, the most and the last.
        label: Writes a label.
        number: Writes a number.
        so_far: Whether the last column is still growing, and is drawn paler.
    """
    drawn = [*values][-MOST_COLUMNS:]
    if not drawn:
        return Markup()
    top = round_top(max(count for _, count in drawn))
    counts = [count for _, count in drawn]
    said = say(min(counts), max(counts), counts[-1])
    written = [(label(each), count) for each, count in drawn]

    return Markup().join(
        Markup('<svg class="w{}" viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>').format(
            width, width, _HEIGHT, said, _drawn(written, top, number(top), width, so_far=so_far)
        )
        for width in WIDTHS
    )


def _drawn(
    values: Sequence[tuple[str, int]], top: int, top_said: str, width: int, *, so_far: bool
) -> Markup:
    high, step = _HEIGHT - _BOTTOM - 16, (width - _LEFT - 4) / len(values)
    base = _HEIGHT - _BOTTOM
    parts = [
        Markup('<line class="grid" x1="{0}" x2="{1}" y1="{2}" y2="{2}"/>').format(
            _LEFT, width, base - high
        ),
        Markup('<text class="axis" x="{}" y="{}" text-anchor="end">{}</text>').format(
            _LEFT - 6, base - high + 5, top_said
        ),
        Markup('<text class="axis" x="{}" y="{}" text-anchor="end">0</text>').format(
            _LEFT - 6, base + 5
        ),
    ]

    for at, (_, count) in enumerate(values):
        tall = high * count / top
        kind = "bar so-far" if so_far and at == len(values) - 1 else "bar"
        parts.append(
            Markup(
                '<rect class="{}" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}"/>'
            ).format(kind, _LEFT + at * step + step * 0.15, base - tall, step * 0.7, tall)
        )

    parts.append(
        Markup('<line class="zero" x1="{0}" x2="{1}" y1="{2}" y2="{2}"/>').format(
            _LEFT, width, base
        )
    )
    for at, anchor in ((0, "start"), (len(values) - 1, "end")):
        if at == 0 or len(values) > 1:
            x = _LEFT if anchor == "start" else width - 2
            parts.append(
                Markup('<text class="axis" x="{}" y="{}" text-anchor="{}">{}</text>').format(
                    x, _HEIGHT - 6, anchor, values[at][0]
                )
            )
    return Markup().join(parts)


def small_columns(
    values: Sequence[int], top: int, say: Callable[[int, int, int], str], *, so_far: bool = True
) -> Markup:
    """Return a small chart of columns, one of several with the same axis.

    Args:
        values: The count of each column, oldest first; one or more.
        top: The end of the axis, which all of them share.
        say: Says what is drawn, for those who do not see it, of the least, the most and the last.
        so_far: Whether the last column is still growing, and is drawn paler.
    """
    step, high = _SMALL_WIDTH / len(values), _SMALL_HEIGHT - 2
    columns = [
        (at * step + step * 0.15, high * count / top, so_far and at == len(values) - 1)
        for at, count in enumerate(values)
    ]

    grid = Markup('<line class="grid" x1="0" x2="{}" y1="0.5" y2="0.5"/>').format(_SMALL_WIDTH)
    bars = Markup().join(
        Markup('<rect class="{}" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}"/>').format(
            "bar so-far" if is_growing else "bar", x, 1 + high - tall, step * 0.7, tall
        )
        for x, tall, is_growing in columns
    )
    zero = Markup('<line class="zero" x1="0" x2="{0}" y1="{1}" y2="{1}"/>').format(
        _SMALL_WIDTH, _SMALL_HEIGHT - 0.5
    )

    said = say(min(values), max(values), values[-1])
    return Markup(
        '<svg class="small" viewBox="0 0 {} {}" role="img" aria-label="{}">{}{}{}</svg>'
    ).format(_SMALL_WIDTH, _SMALL_HEIGHT, said, grid, bars, zero)


def amount_bar(minor: int, beside: Sequence[int]) -> Markup:
    """Return a bar of an amount from a line at nothing, to the left where it is below; the number stands beside it.

    Args:
        minor: The amount.
        beside: The amounts of the same currency that it is compared with, itself among them: they share an axis.
    """
    low, high = min(0, *beside), max(0, *beside)
    reach = (high - low) or 1

    def at(amount: int) -> float:
        return 1 + 98 * (amount - low) / reach

    return Markup(
        '<svg class="cell amount" viewBox="0 0 100 12" preserveAspectRatio="none" aria-hidden="true">'
        '<rect class="bar" x="{0:.1f}" y="1" width="{1:.1f}" height="10"/>'
        '<line class="zero" x1="{2:.1f}" x2="{2:.1f}" y1="0" y2="12"/></svg>'
    ).format(at(min(minor, 0)), at(max(minor, 0)) - at(min(minor, 0)), at(0))


def bar(share: Share) -> Markup:
    """Return a bar of a share from nothing to all, for the cell of a table; the number stands beside it."""
    value = share.value or 0.0
    return Markup(
        '<svg class="cell" viewBox="0 0 100 12" preserveAspectRatio="none" aria-hidden="true">'
        '<rect class="track" x="0" y="5" width="100" height="2"/>'
        '<rect class="bar" x="0" y="1" width="{:.1f}" height="10"/></svg>'
    ).format(100 * value)


def dot(share: Share, mark: Mark = "dot") -> Markup:
    """Return a dot with its interval on an axis from nothing to all.

    Args:
        share: What is drawn; nothing is where it has no whole.
        mark: A hollow square for the hold-out, and a hollow dot for those who are paused.
    """
    if share.value is None or share.interval is None:
        return Markup()
    return _dot(share.value, share.interval, 0.0, 1.0, mark)


def difference_dot(value: float, interval: Interval) -> Markup:
    """Return a dot with its interval on an axis of points with a line at nothing; the axis grows in tens."""
    reach = max(abs(interval.low), abs(interval.high), 0.3)
    end = min(-(-reach * 10 // 1) / 10, 1.0)
    return _dot(value, interval, -end, end, "dot", zero=True)


def _dot(
    value: float,
    interval: Interval,
    low: float,
    high: float,
    mark: Mark,
    *,
    zero: bool = False,
) -> Markup:
    def at(point: float) -> float:
        return 4 + 192 * (point - low) / (high - low)

    middle = (
        Markup('<line class="zero" x1="{0:.1f}" x2="{0:.1f}" y1="1" y2="15"/>').format(at(0.0))
        if zero
        else Markup()
    )
    drawn = (
        Markup('<rect class="hollow" x="{:.1f}" y="4" width="8" height="8"/>').format(at(value) - 4)
        if mark == "hollow"
        else Markup('<circle class="{}" cx="{:.1f}" cy="8" r="4.5"/>').format(mark, at(value))
    )
    return Markup(
        '<svg class="cell" viewBox="0 0 200 16" aria-hidden="true">'
        '<line class="grid" x1="4" x2="196" y1="8" y2="8"/>{}'
        '<line class="{}" x1="{:.1f}" x2="{:.1f}" y1="8" y2="8"/>{}</svg>'
    ).format(
        middle, "range" if mark == "dot" else "range b", at(interval.low), at(interval.high), drawn
    )


def round_top(most: int) -> int:
    """Return a round number that is not below the largest."""
    if most <= 5:
        return max(most, 1)
    step: int = 10 ** (len(str(most)) - 1)
    for part in (1, 2, 5, 10):
        if most <= part * step:
            return part * step
    return 10 * step
