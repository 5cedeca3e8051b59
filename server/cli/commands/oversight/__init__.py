"""Commands to oversee many datasets: health, orphans, approvals, the audit log, events, schedules."""
