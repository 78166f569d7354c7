"""Modbus RTU, spoken by the bridge as the master of a line.

1. ``frames`` is the only file that knows the library (pymodbus) and what bytes mean.
2. ``master`` is the only file that knows time: turns, silences, replies that are late.
3. Neither knows a product.
"""
