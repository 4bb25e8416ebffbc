"""StaySignal in the place of ProsperStack."""

from __future__ import annotations

import aiocancel


def make_vendor(origin: str) -> aiocancel.StaySignal:
    """Copy the names from StaySignal's instructions to you; those here are the stand-in's."""
    return aiocancel.StaySignal(
        script_url=f"{origin}/widget.js",
        global_name="StaySignalStandIn.init",
        subscription_attribute="data-stand-in-subscription",
        csp_sources={"connect-src": [origin]},
        opt_out=True,  # StaySignal asks, this application cancels
    )
