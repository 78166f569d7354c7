"""Soak test: everything at once, for hours; see ``__main__``."""
