"""What ``aiocancel check`` found: one result per line, each with its fix, and one exit status for scripts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

FAILED = 1


class Level(StrEnum):
    """How a check ended; SKIP says that what it builds on has failed, and is reported there."""

    OK = "ok"
    WARN = "warn"
    FAIL = "FAIL"
    SKIP = "skip"


@dataclass(frozen=True, slots=True)
class CheckResult:
    """One line: what was looked at, how it is, and what to do about it."""

    name: str
    level: Level
    detail: str
    fix: str | None = None

    @classmethod
    def ok(cls, name: str, detail: str) -> CheckResult:
        """It is right."""
        return cls(name, Level.OK, detail)

    @classmethod
    def warn(cls, name: str, detail: str, fix: str) -> CheckResult:
        """It works, but something is lost by it."""
        return cls(name, Level.WARN, detail, fix)

    @classmethod
    def fail(cls, name: str, detail: str, fix: str) -> CheckResult:
        """It does not work."""
        return cls(name, Level.FAIL, detail, fix)

    @classmethod
    def skip(cls, name: str, reason: str) -> CheckResult:
        """It cannot be looked at, because something else has failed."""
        return cls(name, Level.SKIP, f"not checked: {reason}")


def exit_status(results: Iterable[CheckResult]) -> int:
    """Return 1 when a check failed, else 0: a warning stops no deployment."""
    return FAILED if any(result.level is Level.FAIL for result in results) else 0


def as_json(results: Iterable[CheckResult]) -> list[dict[str, Any]]:
    """Return an object for each result: ``name``, ``level``, ``detail``, ``fix``."""
    return [asdict(result) for result in results]


def as_text(results: Sequence[CheckResult]) -> str:
    """Return a line for each result, in columns, and one that counts."""
    width = max((len(result.name) for result in results), default=0)
    lines = [_line(result, width) for result in results]
    counts = {level: sum(result.level is level for result in results) for level in Level}
    failed, warnings = counts[Level.FAIL], counts[Level.WARN]
    lines.append(
        f"{len(results)} results: {failed} failed, {warnings} {'warning' if warnings == 1 else 'warnings'}"
    )
    return "\n".join(lines)


def _line(result: CheckResult, width: int) -> str:
    fix = "" if result.fix is None else f"  → {result.fix}"
    # A database's message may hold line breaks.
    return f"{result.level:<4}  {result.name:<{width}}  {' '.join((result.detail + fix).split())}"
