"""A flow of our own: the reasons, one offer that fits, and the way out on every screen."""

from __future__ import annotations

import aiocancel

flow = aiocancel.OwnFlow(
    offers=[
        aiocancel.CouponOffer(
            "half_price",
            percent_off=50,
            months=3,
            when=aiocancel.reason("too_expensive") & aiocancel.tenure(at_least_months=2),
        ),
        aiocancel.PauseOffer(
            "break",
            months=(1, 2, 3),
            sentence="You can read everything during the pause.",
            when=aiocancel.reason("unused"),
        ),
        aiocancel.HandledOffer(
            "call",
            title="a call with us",
            sentence="We show you what you are missing.",
            verb="Book a call",  # carried out by the handler of @cancel.on_offer("call")
            when=aiocancel.reason("too_complex"),
        ),
    ],
    hold_out_percent=10,
    at_most_one_gift_in_days=180,
    rules=[aiocancel.never("coupon", "trial", "plan").where(aiocancel.plan("price_student"))],
)
