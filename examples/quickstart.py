import os

import aiohttp_jinja2
import jinja2
from aiohttp import web

import aiocancel

PAGE = "<!doctype html><title>Account</title>{{ cancel_flow.script() }} {{ cancel_flow.button('Cancel subscription') }}"
STRIPE_API_KEY, GRANT_KEY = os.environ["STRIPE_API_KEY"], os.environ["GRANT_KEY"]
FIND = "SELECT stripe_subscription_id FROM customers WHERE id = $1"


async def current_customer(request: web.Request) -> str | None:
    return request.cookies.get("customer")  # ask your session here


@aiohttp_jinja2.template("account.html")
async def account(request: web.Request) -> dict[str, str]:
    return {}


app = web.Application()
aiohttp_jinja2.setup(app, loader=jinja2.DictLoader({"account.html": PAGE}))
app.router.add_get("/account", account)
# The part that is about aiocancel:
cancel = aiocancel.CancelFlow(
    billing=aiocancel.StripeBilling(STRIPE_API_KEY),
    database=os.environ["DATABASE_URL"],
    identify=current_customer,
    subscriptions=aiocancel.SubscriptionQuery(FIND),
    grant_keys=[GRANT_KEY],
    content_security_policy=aiocancel.STRICT_POLICY,  # for pages that send none
)
cancel.setup(app)
if __name__ == "__main__":
    web.run_app(app)
