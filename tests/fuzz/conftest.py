"""What the fuzz run asserts outside its test module is to be explained as pytest explains a test's own."""

from __future__ import annotations

import pytest

pytest.register_assert_rewrite("tests.fuzz.audit", "tests.fuzz.site")
