"""Modules in use: who uses which one, which hardware it has reserved, and its worker thread.

It knows modules by ``module_api`` only, and neither sockets nor the methods of the protocol.
"""
