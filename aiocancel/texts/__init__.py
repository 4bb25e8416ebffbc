"""The words that customers read, one module for each language."""
