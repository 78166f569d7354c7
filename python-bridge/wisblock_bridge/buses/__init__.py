"""The transports: what a bus is (one protocol class each) and how Linux offers it."""
