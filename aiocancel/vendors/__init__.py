"""The companies that run the cancellation widget."""
