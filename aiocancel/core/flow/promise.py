"""Whether Stripe shows the price that a customer was told before the click. Pure."""

from __future__ import annotations

from datetime import datetime

from aiocancel.core.changes import AddDiscount, Change
from aiocancel.core.flow.preview import Preview
from aiocancel.core.offers.coming_payments import INVOICE_MARGIN
from aiocancel.core.offers.terms import AcceptedOffer, CouponTerms, PauseTerms, Promised, Terms


def is_past(offer: AcceptedOffer, now: datetime) -> bool:
    """Tell whether the payment that an offer's price was told of has come, so that the price holds no more.

    Args:
        offer: As it was shown; one without a price promised nothing of a payment.
        now: Aware, the time that the subscription lives in.
    """
    promised = offer.promised
    return promised is not None and promised.due is not None and promised.due <= now


def came_too_late(promised: Promised, change: Change | None) -> bool:
    """Tell whether a discount was written once the payment had come that it was told of.

    Args:
        promised: As it was told.
        change: As it was written; the payment that was due then stands in it.
    """
    if not isinstance(change, AddDiscount) or change.due is None:
        return False
    return change.due > promised.next_at + INVOICE_MARGIN


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
    if _is_given_up(at, promised, terms):
        return preview.due_minor != promised.next_minor
    if at < promised.next_at - INVOICE_MARGIN:
        # Credit pays for what comes before.
        return preview.due_minor > 0
    return at > promised.next_at + INVOICE_MARGIN or preview.due_minor != promised.next_minor


def _is_given_up(at: datetime, promised: Promised, terms: Terms) -> bool:
    """Tell whether Stripe previews an invoice of a pause: a discount was told from the payment after it."""
    due = promised.due
    if not isinstance(terms, CouponTerms) or due is None:
        return False
    is_due = abs(at - due) <= INVOICE_MARGIN
    return is_due and due < promised.next_at - INVOICE_MARGIN
