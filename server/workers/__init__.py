"""Background work of a server: loops, webhook delivery, schedules, sealing, and saga recovery."""
