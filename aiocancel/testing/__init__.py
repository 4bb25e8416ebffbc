"""Simulators and fakes for testing an application that uses aiocancel."""
