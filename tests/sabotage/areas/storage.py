"""Sabotages of store, keys and recovery."""

from tests.sabotage.sabotage import one

SABOTAGES = (
    one(
        "commits that a power cut takes back",
        "devicemgr/store/sqlite.py",
        '"synchronous=FULL"',
        '"synchronous=NORMAL"',
        "tests/devicemgr/store/test_database.py",
    ),
    one(
        "one card under two notations assigned twice",
        "devicemgr/store/people/credentials.py",
        "listed(notations_of(number))",
        "listed([number])",
        "tests/devicemgr/cli/people/test_credentials.py",
    ),
    one(
        "the ledger waits behind all who write",
        "devicemgr/fair_lock.py",
        "place = (not urgent,",
        "place = (False,",
        "tests/devicemgr/store/test_write_turns.py",
    ),
    one(
        "erased rows left in the file",
        "devicemgr/store/sqlite.py",
        '"secure_delete=ON"',
        '"secure_delete=OFF"',
        "tests/devicemgr/store/test_database.py",
        "tests/devicemgr/store/test_privacy.py",
    ),
    one(
        "templates stored plain",
        "devicemgr/vault.py",
        'return _seal(self._key, embedding, f"template|{self._person_id}|{model}")',
        "return embedding",
        "tests/devicemgr/store/test_privacy.py",
    ),
    one(
        "a swallowed MAC failure",
        "devicemgr/vault.py",
        """        raise KeyMissing(
            "a protected record""",
        """        return sealed[_NONCE:-16]
        raise KeyMissing(
            "a protected record""",
        "tests/devicemgr/store/test_privacy.py",
    ),
    one(
        "rows that may be swapped between people",
        "devicemgr/vault.py",
        "return nonce + AESGCM(key).encrypt(nonce, plaintext, associated.encode())",
        'return nonce + AESGCM(key).encrypt(nonce, plaintext, b"")  # and so in _open',
        "tests/devicemgr/store/test_privacy.py",
    ),
    one(
        "a key file that others may read",
        "devicemgr/vault.py",
        "if mode & (0o007 if credential else 0o077):",
        "if False:",
        "tests/devicemgr/store/test_privacy.py",
        "tests/devicemgr/cli/system/test_doctor.py",
        "tests/devicemgr/daemon/test_home.py",
    ),
    one(
        "the key file read through a link",
        "devicemgr/vault.py",
        "os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)",
        "os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)",
        "tests/devicemgr/store/test_privacy.py",
        "tests/devicemgr/daemon/test_home.py",
    ),
    one(
        "a withdrawn face that stays readable",
        "devicemgr/store/people/people.py",
        "    row.wrapped_key = None\n",
        "    row.wrapped_key = row.wrapped_key\n",
        "tests/devicemgr/store/test_privacy.py",
    ),
    one(
        "a migration that the log does not mention",
        "devicemgr/store/database.py",
        "        if found not in (None, _head()):\n",
        "        if False:\n",
        "tests/devicemgr/cli/system/test_start_check.py",
    ),
)
