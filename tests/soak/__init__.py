"""Hours of everything at once: see ``__main__``."""
