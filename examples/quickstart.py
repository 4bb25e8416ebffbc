import os

import aiohttp_jinja2
import jinja2
from aiohttp import web

import aiocancel

PAGE = "<!doctype html><title>Account</title>{{ cancel_flow.script() }} {{ cancel_flow.button('Cancel subscription') }}"


async def current_customer(request: web.Request) -> str | None:
    return request.cookies.get("customer")  # ask your session here


cancel = aiocancel.CancelFlow(
    vendor=aiocancel.ProsperStack(
        os.environ["PROSPERSTACK_CLIENT_ID"], os.environ["PROSPERSTACK_CLIENT_SECRET"]
    ),
    billing=aiocancel.StripeBilling(os.environ["STRIPE_API_KEY"]),
    database=os.environ["DATABASE_URL"],
    identify=current_customer,
    subscriptions=aiocancel.SubscriptionQuery(
        "SELECT stripe_subscription_id FROM customers WHERE id = $1"
    ),
    grant_keys=[os.environ["GRANT_KEY"]],
)


@aiohttp_jinja2.template("account.html")
async def account(request: web.Request) -> dict[str, str]:
    return {}


app = web.Application()
aiohttp_jinja2.setup(app, loader=jinja2.DictLoader({"account.html": PAGE}))
cancel.setup(app)
app.router.add_get("/account", account)
if __name__ == "__main__":
    web.run_app(app)
