"""The core of devicemgr: rules, store, ledger, access pipeline, API."""

import os

# One core searches 13,000 faces in 0.13 ms; OpenBLAS's threads, waiting for a core that is busy, made 7 ms of it.
# Here, since it must be said before anything imports numpy.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

__version__ = "0.1.0"
