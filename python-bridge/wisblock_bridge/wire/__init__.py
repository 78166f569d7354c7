"""The protocol: messages, their limits, and the catalogue as plain data. No I/O."""
