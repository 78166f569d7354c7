"""The Python packages that are installed, and their versions."""
