"""Keys that sign: requests to the relay and ERC-3009 payments (EIP-712). And how a key is kept: encrypted."""

import json
from functools import cache
from pathlib import Path
from typing import Any, Final

from coincurve import PrivateKey
from eth_account import Account
from eth_account.messages import encode_typed_data
from eth_account.signers.local import LocalAccount

from yuanliu.errors import YuanliuError

Key = LocalAccount
"""A private key with its address. Other rooms name it by this."""

SCRYPT_COST: Final = 2**16
"""Scrypt's N of a keystore: 64 MiB and 190 ms here (2**15: 100 ms, 2**17: 370, and 2**18, as geth has it, 800)."""

_PUBLIC_MNEMONIC: Final = "test test test test test test test test test test test junk"
_PUBLIC_KEYS: Final = 30  # nodes show 10 to 20, the devnet's list has 20
_MIN_SCRYPT_COST: Final = 2
_MAX_SCRYPT_COST: Final = 2**18


def from_private_key(private_key: str) -> LocalAccount:
    """Give the account of a private key (32 bytes in hex). Raises `YuanliuError` (`keys.private_key_invalid`)."""
    try:
        account: LocalAccount = Account.from_key(private_key)
    except (ValueError, TypeError) as error:
        raise YuanliuError(
            "keys.private_key_invalid",
            "that is no private key",
            hint="a private key is 0x and 64 hex digits",
        ) from error
    return account


def new_key() -> LocalAccount:
    """Make a new random account."""
    account: LocalAccount = Account.create()
    return account


def encrypt(account: LocalAccount, password: str, *, cost: int = SCRYPT_COST) -> str:
    """Write a key as a keystore (Web3 Secret Storage, version 3: scrypt, AES-128-CTR), in JSON.

    `cost` is scrypt's N, a power of 2; memory is 1 KiB times as much.
    """
    return json.dumps(Account.encrypt(account.key, password, kdf="scrypt", iterations=cost))


def decrypt(keystore: str, password: str) -> LocalAccount:
    """Open a keystore of scrypt's.

    Raises `YuanliuError`: `keys.password_wrong`; `keys.keystore_invalid` for what is none, or is made so that opening
    it would take more than 256 MiB.
    """
    try:
        crypto = json.loads(keystore)["crypto"]
        numbers = crypto["kdfparams"]
        if crypto["kdf"] != "scrypt" or not (
            _MIN_SCRYPT_COST <= numbers["n"] * numbers["r"] // 8 <= _MAX_SCRYPT_COST
            and numbers["p"] == 1
        ):
            raise _keystore_invalid()
        private_key = Account.decrypt(keystore, password)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        if "MAC mismatch" in str(error):
            raise YuanliuError(
                "keys.password_wrong",
                "the password does not open this key",
                hint="enter the password that the key was stored with",
            ) from error
        raise _keystore_invalid() from error
    account: LocalAccount = Account.from_key(private_key)
    return account


def _keystore_invalid() -> YuanliuError:
    return YuanliuError(
        "keys.keystore_invalid",
        "that is no keystore that can be opened here",
        hint="a keystore is JSON of version 3 with scrypt (n up to 262144, r 8, p 1)",
    )


def sign(
    account: LocalAccount, domain: dict[str, Any], types: dict[str, Any], message: dict[str, Any]
) -> bytes:
    """Sign typed data (EIP-712): 65 bytes, r ‖ s ‖ v."""
    signable = encode_typed_data(domain_data=domain, message_types=types, message_data=message)
    return bytes(account.sign_message(signable).signature)


def sign_digest(account: LocalAccount, digest: bytes) -> bytes:
    """Sign a hash that was made for this very purpose: 65 bytes, r ‖ s ‖ v."""
    signature = PrivateKey(bytes(account.key)).sign_recoverable(digest, hasher=None)
    return signature[:64] + bytes([27 + signature[64]])


@cache
def public_addresses() -> frozenset[str]:
    """Give the addresses, in lowercase, of keys that everybody knows: those of the mnemonic of development nodes.

    The devnet's labelled accounts are among them.
    """
    Account.enable_unaudited_hdwallet_features()
    paths = (f"m/44'/60'/0'/0/{index}" for index in range(_PUBLIC_KEYS))
    derived = (Account.from_mnemonic(_PUBLIC_MNEMONIC, account_path=path) for path in paths)
    return frozenset(str(account.address).lower() for account in derived)


def devnet_accounts(devnet_dir: Path) -> dict[str, LocalAccount]:
    """Give the devnet's labelled accounts, by role. Their keys are public: never use them elsewhere.

    Raises `YuanliuError` (`devnet.no_accounts`) when the file is missing or broken.
    """
    path = devnet_dir / "accounts.json"
    try:
        listed = json.loads(path.read_text(encoding="utf-8"))["accounts"]
        return {entry["role"]: from_private_key(entry["privateKey"]) for entry in listed}
    except (OSError, ValueError, KeyError) as error:
        raise YuanliuError(
            "devnet.no_accounts", f"cannot read the devnet's accounts from {path}: {error}"
        ) from error
