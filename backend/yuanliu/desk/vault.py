"""What is secret: passwords as hashes, keys encrypted with passwords, keys wrapped for a session or a machine.

Whoever steals the database can open nothing: a password hash and a keystore need the password, a wrapped key needs
the token, of which only a hash is stored.
"""

import hashlib
import re
import secrets
import threading
import time
import unicodedata
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, cast

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from Crypto.Cipher import AES
from Crypto.Hash import SHA256
from Crypto.Protocol.KDF import HKDF

from yuanliu.chain import keys
from yuanliu.errors import YuanliuError

SECRET_BYTES: Final = 32
"""Size of a token's random secret."""

KEPT_SECONDS: Final = 10.0
"""How long an opened key stays open."""

_KEPT_KEYS: Final = 256
_NONCE_BYTES: Final = 12
_TAG_BYTES: Final = 16
_AT_ONCE: Final = 2
_HALVES: Final = re.compile("[\ud800-\udfff]")  # of characters: no text, and so nobody's password


@dataclass(frozen=True, slots=True)
class Cost:
    """What one guess at a password costs. Argon2id's memory is in KiB, `scrypt` is its N.

    Measured on two cores: 32 MiB three times over 100 ms (19 MiB twice 27 ms, 46 MiB once 74 ms, 64 MiB three times
    240 ms; OWASP asks for one of the first two or more); scrypt with 2**16 190 ms and 64 MiB.
    """

    memory: int = 32_768
    passes: int = 3
    lanes: int = 1
    scrypt: int = keys.SCRYPT_COST


class Vault:
    """Hashes, encrypts and wraps. Two costly steps run at once, the others wait: memory stays bounded."""

    _turns = threading.BoundedSemaphore(_AT_ONCE)

    def __init__(self, cost: Cost | None = None) -> None:
        self._cost = cost or Cost()
        self._hasher = PasswordHasher(
            time_cost=self._cost.passes,
            memory_cost=self._cost.memory,
            parallelism=self._cost.lanes,
        )
        self._nobody = self.hash_password(secrets.token_hex(SECRET_BYTES))

    # ------------------------------------------------------------------ passwords

    def hash_password(self, password: str) -> str:
        """Give the argon2id hash of a password, with its parameters and salt."""
        with self._turns:
            return self._hasher.hash(normalised(password))

    def is_password(self, password: str, password_hash: str | None) -> bool:
        """Tell whether it is the password. None, where there is no account, takes as long and is never it."""
        with self._turns, suppress(VerificationError, InvalidHashError):
            self._hasher.verify(password_hash or self._nobody, normalised(password))
            return password_hash is not None
        return False

    def is_outdated(self, password_hash: str) -> bool:
        """Tell whether a hash was made with other parameters than those of now."""
        return self._hasher.check_needs_rehash(password_hash)

    # ------------------------------------------------------------------ keys

    def lock(self, key: keys.Key, password: str) -> str:
        """Encrypt a key with a password, as a keystore."""
        with self._turns:
            return keys.encrypt(key, normalised(password), cost=self._cost.scrypt)

    def unlock(self, keystore: str, password: str) -> keys.Key:
        """Open a keystore. Raises `YuanliuError` (`keys.password_wrong`, `keys.keystore_invalid`)."""
        with self._turns:
            return keys.decrypt(keystore, normalised(password))


def normalised(password: str) -> str:
    """Give a password in one form: an input method may write １ for 1, and é in two ways."""
    return _HALVES.sub("\ufffd", unicodedata.normalize("NFKC", password))


# ---------------------------------------------------------------------- wrapping


def new_secret() -> bytes:
    """Make a secret of 256 random bits."""
    return secrets.token_bytes(SECRET_BYTES)


def fingerprint(secret: bytes) -> bytes:
    """Give the SHA-256 by which a secret is stored. It has 256 random bits: there is nothing to guess."""
    return hashlib.sha256(secret).digest()


def derive(secret: bytes, purpose: str) -> bytes:
    """Derive 32 bytes of a secret for one purpose (HKDF-SHA256, RFC 5869)."""
    purpose = f"yuanliu.{purpose}.v1"
    derived = HKDF(secret, SECRET_BYTES, b"", SHA256, num_keys=1, context=purpose.encode())
    return cast("bytes", derived)  # several keys would be a tuple


def wrap(key: keys.Key, secret: bytes, *, bound: str) -> bytes:
    """Encrypt a key with a secret (AES-256-GCM): nonce ‖ ciphertext ‖ tag. `bound` names what it belongs to."""
    nonce = secrets.token_bytes(_NONCE_BYTES)
    cipher = AES.new(derive(secret, "wrap"), AES.MODE_GCM, nonce=nonce)
    cipher.update(bound.encode())
    sealed, tag = cipher.encrypt_and_digest(bytes(key.key))
    return nonce + sealed + tag


def unwrap(wrapped: bytes, secret: bytes, *, bound: str) -> keys.Key:
    """Open what `wrap` made. Raises `YuanliuError` (`vault.not_opened`) for any other secret, owner or bytes."""
    nonce = wrapped[:_NONCE_BYTES]
    sealed, tag = wrapped[_NONCE_BYTES:-_TAG_BYTES], wrapped[-_TAG_BYTES:]
    try:
        cipher = AES.new(derive(secret, "wrap"), AES.MODE_GCM, nonce=nonce)
        cipher.update(bound.encode())
        private_key = cipher.decrypt_and_verify(sealed, tag)
    except ValueError as error:
        raise YuanliuError(
            "vault.not_opened",
            "the stored key does not open: it was altered, or belongs to another session",
            hint="sign in again; if it happens again, restore the desk's database",
        ) from error
    return keys.from_private_key("0x" + private_key.hex())


class KeyRing:
    """Keys as they were opened last, for seconds: opening one takes 0.6 ms, and a machine signs hundreds a second.

    To look one up takes what it takes to open it: the secret, the stored bytes, and whom they belong to. Whether he is
    still signed in is asked of the database each time, before.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._opened: OrderedDict[bytes, tuple[float, keys.Key]] = OrderedDict()
        self._lock = threading.Lock()

    def unwrap(self, wrapped: bytes, secret: bytes, *, bound: str) -> keys.Key:
        """Open what `wrap` made. Raises `YuanliuError` (`vault.not_opened`)."""
        name = hashlib.sha256(secret + wrapped + bound.encode()).digest()
        now = self._clock()
        with self._lock:
            while self._opened and now - next(iter(self._opened.values()))[0] >= KEPT_SECONDS:
                self._opened.popitem(last=False)
            kept = self._opened.get(name)
        if kept:
            return kept[1]
        key = unwrap(wrapped, secret, bound=bound)
        with self._lock:
            self._opened[name] = (now, key)
            while len(self._opened) > _KEPT_KEYS:
                self._opened.popitem(last=False)
        return key
