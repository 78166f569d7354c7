"""The process: it serves modules over ZeroMQ, checks requests, and carries replies and events.

Its poll loop never touches hardware; that is done by the workers of ``runtime``.
"""
