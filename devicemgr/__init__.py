"""The core of devicemgr: rules, store, ledger, access pipeline, API."""

__version__ = "0.1.0"
