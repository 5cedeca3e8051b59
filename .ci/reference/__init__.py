"""Pages of the documentation that are made from the code. Write them all with `python -m .ci.reference`."""
