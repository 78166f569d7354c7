"""EMC2301: fan controller by Microchip; it is recognised, and left to the kernel's driver."""
