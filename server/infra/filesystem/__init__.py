"""Work on local disk that several adapters do alike: in threads, durably, with one wording of what went wrong."""
