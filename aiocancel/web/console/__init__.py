"""The owner's pages: what waits for a person, who left and why, and what it brought."""
