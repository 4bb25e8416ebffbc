"""Whether Stripe shows the price that a customer was told before the click. Pure."""

from __future__ import annotations

from datetime import datetime

from aiocancel.core.flow.preview import Preview
from aiocancel.core.offers.coming_payments import INVOICE_MARGIN
from aiocancel.core.offers.terms import PauseTerms, Promised, Terms


def breaks_the_promise(
    promised: Promised, terms: Terms, preview: Preview, *, now: datetime
) -> bool:
    """Tell whether the next payment is another than the one that was told; False where that cannot be seen.

    Args:
        promised: As it was told.
        terms: What was accepted. After a pause the next invoices are given up, and Stripe previews none of them.
        preview: The next invoice, as it is once the offer is carried out.
        now: Aware. Once the payment is due there is another next one.
    """
    if isinstance(terms, PauseTerms) or promised.next_at <= now:
        return False
    if preview.currency != promised.currency:
        return True

    renewals = [line.starts_at for line in preview.lines if not line.is_extra]
    if not renewals:
        return False
    at = min(renewals)
    if at < promised.next_at - INVOICE_MARGIN:
        # Credit pays for what comes before.
        return preview.due_minor > 0
    return at > promised.next_at + INVOICE_MARGIN or preview.due_minor != promised.next_minor
