"""The toolset `recovery`: bring archived datasets back."""
