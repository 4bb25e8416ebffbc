"""The page of every outcome."""

from __future__ import annotations

PAGES = [
    (
        "scheduled",
        "cancellation",
        "badge_cancelled",
        "Your Pro subscription ends on December 26, 2026",
    ),
    ("done", "cancellation", "badge_cancelled", "Your Pro subscription has ended"),
    ("queued", "cancellation", "badge_received", "We have your cancellation"),
    ("queued", "offer", "badge_received", "We have your choice"),
    ("queued", "resumption", "badge_received", "We have your request"),
    ("manual", "cancellation", "badge_received", "We have your cancellation"),
    ("manual", "offer", "badge_received", "We have your choice"),
    ("manual", "unpausing", "badge_received", "We have your request"),
    ("refused", "cancellation", "badge_not_changed", "Your cancellation could not be carried out"),
    ("refused", "offer", "badge_not_changed", "Your request could not be carried out"),
    ("needs_payment_action", "offer", "badge_step_left", "Confirm the payment to finish"),
    ("closed", "cancellation", "badge_received", "A person has taken over your request"),
    ("done", "resumption", "badge_done", "Your Pro subscription goes on"),
    ("done", "unpausing", "badge_done", "The pause is over"),
    ("done", "discount_removal", "badge_done", "The discount is removed"),
    ("done", "nothing", None, "Your subscription"),
]
