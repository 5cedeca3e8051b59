"""What the ports of the domain are made of: one file or folder a port; only the wiring imports them."""
