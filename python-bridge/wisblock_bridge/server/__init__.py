"""The process that serves: the poll loop, the methods of the protocol, events and their delivery.

It runs on one thread that never touches hardware; what needs hardware is a job of ``runtime``.
"""
