"""Fuzzing: every parser of external bytes against random and damaged input."""
