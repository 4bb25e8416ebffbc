"""The words of our own flow's screens and of the pages that tell an outcome, one module for each language."""
