"""Everything that happens after a claim was accepted: attempts, leases, confirmed offers, hooks, vendor events."""
