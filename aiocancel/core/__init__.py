"""The pure heart: no await, clock, randomness, environment or third party."""
