"""Questions about Stripe that no source at hand answers; both answers can be simulated.

Each setting names the likelier answer first, and that one is the default. Run the contract suite with a test
key of your own (docs/reference/contract.md) to find out which one is right.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass
class Unverified:
    """The simulated answers to open questions.

    Args:
        period_end_of_a_paused_one: Whether ``cancel_at_period_end`` is accepted on a subscription that is paused
            itself. Accepted, it never comes: a paused subscription does not advance.
        pause_of_a_past_due_one: Whether /pause takes a subscription that is past due or unpaid. The list of
            refusals at https://docs.stripe.com/billing/subscriptions/pause does not name these two.
        declined_resumption: Whether /resume with ``resume_on_payment_success`` answers 200 with the paused
            subscription when the payment fails, or 402. The page says only that the status stays ``paused``.
        second_resumption: Whether /resume while a resumption invoice is open is refused, or voids that invoice
            and makes another.
        resumption_as_pending_update: Whether a resumption that waits for its payment shows in ``pending_update``.
            The page calls its limit a "pending update expiration time".
        discount_of_the_customer: Whether an update of a subscription may reuse the discount of its customer by id.
            The SDK says "an existing discount on the object (or one of its ancestors)".
        discounts_of_a_new_schedule: Whether the phase of a schedule that is made from a subscription names the
            subscription's discounts by their ids, or by their coupons. Sent again, a coupon begins anew.
        expansion_needs_permission: Whether a restricted key that may not read coupons is refused
            ``expand[]=discounts``. Stripe's page on the permissions of apps says so; for restricted keys nothing does.
        account_needs_permission: Whether ``GET /v1/account`` asks a restricted key for a permission of its own.
    """

    period_end_of_a_paused_one: Literal["accepted", "refused"] = "accepted"
    pause_of_a_past_due_one: Literal["accepted", "refused"] = "accepted"
    declined_resumption: Literal["paused", "card_error"] = "paused"
    second_resumption: Literal["refused", "voids_the_first"] = "refused"
    resumption_as_pending_update: bool = False
    discount_of_the_customer: Literal["reused", "refused"] = "reused"
    discounts_of_a_new_schedule: Literal["by_id", "by_coupon"] = "by_id"
    expansion_needs_permission: bool = True
    account_needs_permission: bool = False
