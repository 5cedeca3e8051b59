"""Pages of the documentation that are made from the code. Write them all with `just reference`."""
