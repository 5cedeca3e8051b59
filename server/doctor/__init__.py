"""What `doctor` says of things that there are several of, one finding each."""
