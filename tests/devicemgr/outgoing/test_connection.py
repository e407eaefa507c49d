"""Connections to a server that a caller names: what is left of one that ends too soon."""

import gc
import select
import socket
import struct
import time

import pytest

from devicemgr.outgoing.connection import Place, secured


@pytest.mark.filterwarnings("error")
def test_a_connection_that_is_reset_before_tls_begins_leaves_no_socket():
    with socket.create_server(("127.0.0.1", 0)) as server:
        line = socket.create_connection(server.getsockname())
        peer, _ = server.accept()
        # Closed like this, a connection is reset (socket(7), SO_LINGER).
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        peer.close()
        assert select.select([line], [], [], 10)[0]
    with pytest.raises(OSError, match="reset"):
        secured(line, Place("localhost", 443), time.monotonic() + 10)
    gc.collect()
