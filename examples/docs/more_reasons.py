"""The standard reasons, and one more with words in two languages and a question of its own."""

from __future__ import annotations

from aiocancel import Reason
from aiocancel.core.flow.definition import STANDARD_REASONS

REASONS = [
    *STANDARD_REASONS,
    Reason(
        "project_over",
        {"en": "My project is over", "de": "Mein Projekt ist abgeschlossen"},
        feedback="unused",
        follow_up={"en": "Do you expect another one?", "de": "Erwarten Sie ein weiteres?"},
    ),
]
