"""Reference pages of the documentation, generated from the code by `just reference`."""
