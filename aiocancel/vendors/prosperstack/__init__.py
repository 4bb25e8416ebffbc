"""ProsperStack: the widget, its signed payload, and its REST API."""
