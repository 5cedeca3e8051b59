"""Events on their way to webhooks, over HTTP."""

from server.adapters.webhooks.courier import HttpCourier

__all__ = ["HttpCourier"]
