"""What the outbox does not take."""

import json
import time
from typing import Final

from yuanliu.chain import relay
from yuanliu.chain.deployment import Deployment
from yuanliu.chain.node import Node
from yuanliu.chain.relay import SignedRequest
from yuanliu.desk.gas_bounds import MAX_GAS
from yuanliu.errors import YuanliuError

MAX_DATA: Final = 16_384
"""Most bytes of a call, and of a signature, that was made elsewhere."""

MAX_BYTES: Final = 120_000
"""Most bytes of one transaction's calls: go-ethereum takes no transaction of more than 131,072 in all."""

MAX_LIFETIME: Final = 30 * 86_400
"""Longest validity of a request that was signed elsewhere, in seconds."""

_MAX_KEY: Final = 200


def signed(node: Node, deployment: Deployment, request: SignedRequest) -> None:
    """Refuse a request from elsewhere that the relayer would carry in vain, or to others' contracts.

    Raises `YuanliuError` (`outbox.request_invalid`), `ChainUnreachable`.
    """
    ours = {deployed.address.lower() for deployed in deployment.contracts.values()}
    now = time.time()
    for wrong, what in (
        (request.call.to.lower() not in ours, "it calls none of our contracts"),
        (len(request.call.data) > MAX_DATA, f"its call has more than {MAX_DATA} bytes"),
        (len(request.signature) > MAX_DATA, f"its signature has more than {MAX_DATA} bytes"),
        (not 0 < request.gas <= MAX_GAS, f"its gas is not from 1 to {MAX_GAS}"),
        (request.deadline <= now, "it has expired"),
        (request.deadline > now + MAX_LIFETIME, "it is valid for more than 30 days"),
    ):
        if wrong:
            raise invalid(request, what)
    if not relay.is_signed(node, deployment, request):
        raise invalid(request, "its signature is not the signer's")


def key(idempotency_key: str) -> None:
    """Refuse an idempotency key that cannot be stored. Raises `YuanliuError` (`outbox.key_invalid`)."""
    if not 0 < len(idempotency_key) <= _MAX_KEY:
        raise YuanliuError(
            "outbox.key_invalid",
            f"an idempotency key of {len(idempotency_key)} characters",
            hint=f"take 1 to {_MAX_KEY}, for example a UUID",
            fields={"length": len(idempotency_key)},
        )


def size(data: bytes) -> None:
    """Refuse a call that fits into no transaction. Raises `YuanliuError` (`outbox.too_large`)."""
    if len(data) > MAX_BYTES:
        raise YuanliuError(
            "outbox.too_large",
            f"the act takes {len(data)} bytes; {MAX_BYTES} is the most that fits into a transaction",
            hint="do it in several smaller parts",
            fields={"bytes": len(data), "most": MAX_BYTES},
        )


def json_of(result: object) -> object:
    """Give a result that can be stored. Raises `YuanliuError` (`outbox.result_invalid`)."""
    try:
        json.dumps(result)
    except (TypeError, ValueError) as error:
        raise YuanliuError("outbox.result_invalid", f"the result is no JSON: {error}") from error
    return result


def invalid(request: SignedRequest, what: str) -> YuanliuError:
    """Say what is wrong with a request that was signed elsewhere."""
    return YuanliuError(
        "outbox.request_invalid",
        f"the signed request cannot be taken: {what}",
        hint="sign it anew, as the API's description of signed requests says",
        fields={"signer": request.signer, "nonce": request.nonce, "reason": what},
    )


def too_much_gas(needed: int) -> YuanliuError:
    """Say that an act fits into no transaction."""
    return YuanliuError(
        "outbox.too_much_gas",
        f"the act needs {needed} gas; {MAX_GAS} is the most that fits into a transaction",
        hint="do it in several smaller parts",
        fields={"needed": needed, "most": MAX_GAS},
    )
