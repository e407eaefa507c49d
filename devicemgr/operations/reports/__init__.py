"""Reports over a span of the ledger: documents with rows, and files of them."""
