"""The own flow."""
