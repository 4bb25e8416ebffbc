"""Names of your own for the coupons that are made for offers."""

import os

from aiocancel import StripeBilling

billing = StripeBilling(
    api_key=os.environ["STRIPE_API_KEY"],
    coupon_names={
        "once": "{off} Rabatt",
        "month": "{off} Rabatt für einen Monat",
        "repeating": "{off} Rabatt für {months} Monate",
        "forever": "{off} Rabatt",
    },
)
