"""The products: one file each, with its emulation beside it; families have folders.

A module imports ``module_api``, drivers of ``chips`` and bus interfaces. It knows no bus number.
"""
