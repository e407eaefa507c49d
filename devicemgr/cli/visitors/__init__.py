"""`devicemgr visitor …`."""
