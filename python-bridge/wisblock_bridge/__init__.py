"""One process that owns the WisBlock modules of a board and serves them over ZeroMQ."""

__version__ = "0.1.0"
