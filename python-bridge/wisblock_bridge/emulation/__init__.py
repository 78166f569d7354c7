"""The emulated board: which emulated chip and product sits where, and what is plugged in.

Emulated products are beside their products in ``modules``, emulated chips beside their drivers.
"""
