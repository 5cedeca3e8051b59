"""The process: command line, transports, wiring, adapters and the sandbox."""
