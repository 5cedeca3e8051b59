"""The composition root: the only place that knows which adapter stands behind which port.

Nothing is imported here, so that a server that has not been asked for anything can hold its services for later without
loading the engine and the adapters.
"""
