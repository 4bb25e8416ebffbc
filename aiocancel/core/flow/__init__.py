"""Our own flow, as data and pure functions: its definition, its steps, and what it may offer to whom."""
