"""Adapters: the implementations of the domain's ports, one file or folder a port. Only the composition imports them."""
