"""Transactions (EIP-1559) that are signed before they are sent, so that hash and bytes can be stored first."""

from dataclasses import dataclass
from typing import Any, Final

import rlp
from eth_account.signers.local import LocalAccount
from eth_utils.address import to_checksum_address
from eth_utils.conversions import to_bytes

BUMP: Final = 1.125
"""How much more a replacement must pay: nodes ask for a tenth more, some for an eighth."""

_TYPE: Final = 2
_PLACES: Final = {"chainId": 0, "nonce": 1, "gas": 4, "to": 5, "data": 7}
"""Where the fields stand in the signed bytes."""


@dataclass(frozen=True)
class Fees:
    """What a transaction pays at most, and for its priority, in wei per gas."""

    most: int
    priority: int


@dataclass(frozen=True)
class Transaction:
    """A signed transaction: its hash (0x and hex) and its bytes."""

    hash: str
    raw: bytes
    fees: Fees


def sign_transaction(
    account: LocalAccount, *, chain_id: int, nonce: int, gas: int, to: str, data: bytes, fees: Fees
) -> Transaction:
    """Sign a transaction without value."""
    signed = account.sign_transaction(
        {
            "type": _TYPE,
            "chainId": chain_id,
            "nonce": nonce,
            "maxFeePerGas": fees.most,
            "maxPriorityFeePerGas": fees.priority,
            "gas": gas,
            "to": to_bytes(hexstr=to),
            "value": 0,
            "data": data,
        }
    )
    return Transaction("0x" + bytes(signed.hash).hex(), bytes(signed.raw_transaction), fees)


def reprice(account: LocalAccount, old: Transaction, now: Fees) -> Transaction:
    """Sign the same again for a higher fee: what is asked `now`, and enough more to replace the old one."""
    fields: list[Any] = rlp.decode(old.raw[1:])
    numbers = {name: int.from_bytes(fields[_PLACES[name]]) for name in ("chainId", "nonce", "gas")}
    priority = max(now.priority, _more(old.fees.priority))
    fees = Fees(max(now.most, _more(old.fees.most), priority), priority)
    return sign_transaction(
        account,
        chain_id=numbers["chainId"],
        nonce=numbers["nonce"],
        gas=numbers["gas"],
        to=to_checksum_address(fields[_PLACES["to"]]),
        data=fields[_PLACES["data"]],
        fees=fees,
    )


def _more(fee: int) -> int:
    return int(fee * BUMP) + 1
