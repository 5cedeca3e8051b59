"""Local disk: worker threads, durable files, file locks and the wording of errors, shared by several adapters."""
