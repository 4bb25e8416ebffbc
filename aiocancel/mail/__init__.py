"""Mails to customers: how they are handed over, and how they are written."""
