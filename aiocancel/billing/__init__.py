"""The only place that imports stripe, and only when it starts."""
