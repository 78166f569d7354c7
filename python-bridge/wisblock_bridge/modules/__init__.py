"""The products: one file each, with everything the house knows of that product."""
