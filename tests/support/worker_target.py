"""What ``aiocancel worker tests.support.worker_target:cancel`` loads: a plug-in named by the environment."""

from __future__ import annotations

import os

from aiocancel import CancelFlow
from tests.support.saas import make_cancel


def cancel() -> CancelFlow:
    import stripe

    # It would write a file into the home directory.
    stripe.enable_telemetry = False
    return make_cancel(os.environ["TEST_DATABASE"], os.environ["TEST_STRIPE"], run_worker=False)
