"""The Secure Channel of OSDP 2.2 (annex D), the panel's side: session keys, cryptograms, MACs, encrypted data. No I/O.

AES-128 is that of the library `cryptography`; this file holds what the standard builds of it.
"""

import hmac
import os

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

BLOCK = 16
MAC_BYTES = 4
CHALLENGE_BYTES = 8
CCRYPT_BYTES = 32
# Types of the security block: a command or reply with a MAC, without and with data, which is encrypted.
COMMAND, REPLY, COMMAND_DATA, REPLY_DATA = 0x15, 0x16, 0x17, 0x18
_END = b"\x80"


class SecureChannel:
    """One session: `challenge` goes out, `verify` takes the reader's answer, `start` its first MAC."""

    def __init__(self, key: bytes, challenge: bytes | None = None) -> None:
        self.challenge = os.urandom(CHALLENGE_BYTES) if challenge is None else challenge
        self._encryption, self._mac1, self._mac2 = (
            _encrypt(key, bytes(head) + self.challenge[:6] + bytes(8)) for head in ((1, 0x82), (1, 1), (1, 2))
        )
        self._reader_random = b""
        self._command_mac = self._reply_mac = bytes(BLOCK)

    def verify(self, answer: bytes) -> bool:
        """Return whether the reader holds the key; `answer` is osdp_CCRYPT: its id, its random number, cryptogram."""
        self._reader_random, cryptogram = answer[8:16], answer[16:CCRYPT_BYTES]
        wanted = _encrypt(self._encryption, self.challenge + self._reader_random)
        return hmac.compare_digest(cryptogram, wanted)

    @property
    def cryptogram(self) -> bytes:
        """Return our proof of the key (osdp_SCRYPT), after `verify`."""
        return _encrypt(self._encryption, self._reader_random + self.challenge)

    def start(self, mac: bytes) -> None:
        """Begin the chain of MACs with the reader's first one (osdp_RMAC_I)."""
        self._reply_mac = mac

    def encrypt(self, data: bytes) -> bytes:
        """Return the data of the next command, padded and encrypted."""
        cipher = Cipher(algorithms.AES(self._encryption), modes.CBC(_inverted(self._reply_mac))).encryptor()
        return cipher.update(_padded(data)) + cipher.finalize()

    def sign(self, head: bytes) -> bytes:
        """Return the MAC of a command, given all of its bytes before the MAC."""
        self._command_mac = self._chained(head, self._reply_mac)
        return self._command_mac[:MAC_BYTES]

    def open(self, head: bytes, mac: bytes, data: bytes, *, is_encrypted: bool) -> bytes | None:
        """Return the data of a reply in clear, given its bytes before the MAC; None if they do not fit."""
        found = self._chained(head, self._command_mac)
        if not hmac.compare_digest(found[:MAC_BYTES], mac):
            return None
        opened = self._decrypted(data) if is_encrypted and data else data
        if opened is not None:
            self._reply_mac = found
        return opened

    def _decrypted(self, data: bytes) -> bytes | None:
        if len(data) % BLOCK:
            return None
        cipher = Cipher(algorithms.AES(self._encryption), modes.CBC(_inverted(self._command_mac))).decryptor()
        padded = (cipher.update(data) + cipher.finalize()).rstrip(b"\0")
        return padded[:-1] if padded.endswith(_END) else None

    def _chained(self, head: bytes, before: bytes) -> bytes:
        padded = head if len(head) % BLOCK == 0 else _padded(head)
        if len(padded) > BLOCK:
            cipher = Cipher(algorithms.AES(self._mac1), modes.CBC(before)).encryptor()
            before = (cipher.update(padded[:-BLOCK]) + cipher.finalize())[-BLOCK:]
        cipher = Cipher(algorithms.AES(self._mac2), modes.CBC(before)).encryptor()
        return cipher.update(padded[-BLOCK:]) + cipher.finalize()


def _encrypt(key: bytes, block: bytes) -> bytes:
    # One block at a time, which is all that the standard uses this mode for.
    cipher = Cipher(algorithms.AES(key), modes.ECB()).encryptor()  # noqa: S305
    return cipher.update(block) + cipher.finalize()


def _padded(data: bytes) -> bytes:
    return data + _END + bytes(-(len(data) + 1) % BLOCK)


def _inverted(mac: bytes) -> bytes:
    return bytes(~byte & 0xFF for byte in mac)
