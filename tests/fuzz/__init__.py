"""Every parser of bytes from outside, against bytes that nobody meant."""
