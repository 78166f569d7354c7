"""The emulated twins of the products: what lies between a slot's pins and the physical world."""
