"""Webhook delivery over HTTP: the adapter of the `Courier` port."""

from server.adapters.webhooks.courier import HttpCourier

__all__ = ["HttpCourier"]
