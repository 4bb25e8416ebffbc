"""The meaning of each figure on the owner's pages, and how sure it is."""
