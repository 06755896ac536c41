"""Acts that people sign on devices of their own: what is to be signed is given here, and the signature taken."""

import hashlib
import time
from typing import Annotated, Any, Final

from fastapi import APIRouter, Request, Response
from pydantic import Field

from yuanliu.chain import relay
from yuanliu.chain.bindings import Call
from yuanliu.chain.relay import SignedRequest
from yuanliu.desk import checks
from yuanliu.desk.gas_bounds import gas_for
from yuanliu.desk.storing import LIFETIME
from yuanliu.errors import YuanliuError
from yuanliu.web.acting import anonymous
from yuanliu.web.problems import documented
from yuanliu.web.services import Services, Wired
from yuanliu.web.shapes import Address, Hash, Input, IntentionView, Output, hexed, unhexed

router = APIRouter(tags=["keys"], responses=documented(400, 403, 404, 409, 422, 429, 502, 503))

Bytes = Annotated[
    str,
    Field(
        pattern=r"^0x([0-9a-f]{2})*$",
        max_length=2 + 2 * checks.MAX_DATA,
        examples=["0xe42bca3b" + "00" * 12 + "90f79bf6eb2c4f870365e785982e1f101e93b906"],
    ),
]
"""Bytes in hex, lower case."""

_FIELDS: Final = (
    ("from", "address"),
    ("to", "address"),
    ("value", "uint256"),
    ("gas", "uint256"),
    ("nonce", "uint256"),
    ("deadline", "uint48"),
    ("data", "bytes"),
)
_DOMAIN: Final = (
    ("name", "string"),
    ("version", "string"),
    ("chainId", "uint256"),
    ("verifyingContract", "address"),
)


class Wanted(Input):
    """A call of one of the contracts, and the key that is going to sign it.

    An ordinary account, a contract wallet, or the address of a P-256 or passkey (`Actors.keyAddress`).
    """

    signer: Address
    to: Address
    data: Bytes = Field(description="Function and arguments, by the contracts' ABI.")


class ToSign(Output):
    """What is to be signed: typed data (EIP-712) as `eth_signTypedData_v4` takes it, and its hash.

    An ordinary account signs the typed data. A passkey signs the hash as its challenge: the signature is then
    `abi.encode(bytes verifier ‖ key, bytes signature)`, as ERC-7913 has it.
    """

    typed_data: dict[str, Any]
    digest: Hash


class SignedRequestIn(Input):
    """A request as it was signed: the message of the typed data, and the signature."""

    signer: Address
    to: Address
    data: Bytes
    gas: int = Field(gt=0, lt=1 << 53)
    nonce: int = Field(ge=0, lt=1 << 53)
    deadline: int = Field(gt=0, lt=1 << 48, description="Unix time, seconds.")
    signature: Bytes = Field(min_length=4)


@router.post("/requests/to-sign")
def prepare_request(body: Wanted, request: Request, response: Response, wired: Wired) -> ToSign:
    """Give what somebody signs on a device of his own for an act, tried on the chain first; nothing is stored.

    For whoever is enrolled, or is an enrolled one's clerk. It is good for seven days, and for his next request only.
    """
    anonymous(request, response, wired, f"to-sign {body.signer}", "")
    call = Call(body.to, unhexed(body.data), "request")
    _require_known(wired, body.signer)
    deadline = int(time.time()) + LIFETIME
    ours = {deployed.address.lower() for deployed in wired.deployment.contracts.values()}
    if body.to not in ours:
        unsigned = SignedRequest(body.signer, call, 0, 0, deadline, b"")
        raise checks.invalid(unsigned, "it calls none of our contracts")
    gas = gas_for(relay.try_out(wired.node, wired.deployment, body.signer, call))
    nonce = wired.outbox.next_nonce(body.signer)
    digest = relay.request_digest(
        wired.deployment, body.signer, call, gas=gas, nonce=nonce, deadline=deadline
    )
    values = (body.signer, body.to, "0", str(gas), str(nonce), str(deadline), body.data)
    typed = {
        "types": {
            "EIP712Domain": [{"name": name, "type": kind} for name, kind in _DOMAIN],
            "ForwardRequest": [{"name": name, "type": kind} for name, kind in _FIELDS],
        },
        "primaryType": "ForwardRequest",
        "domain": relay.domain(wired.deployment),
        "message": dict(zip((name for name, _ in _FIELDS), values, strict=True)),
    }
    return ToSign(typed_data=typed, digest=hexed(digest))


@router.post("/requests", status_code=201)
def relay_request(
    body: SignedRequestIn, request: Request, response: Response, wired: Wired
) -> IntentionView:
    """Take an act that was signed on a device, and relay it. Sent again, it tells how far it is."""
    name = f"{body.signer} {body.nonce} {body.model_dump_json()}"
    acts = anonymous(request, response, wired, name, name)
    _require_known(wired, body.signer)
    signed = SignedRequest(
        signer=body.signer,
        call=Call(body.to, unhexed(body.data), "request"),
        gas=body.gas,
        nonce=body.nonce,
        deadline=body.deadline,
        signature=unhexed(body.signature),
    )
    stored = wired.outbox.submit_signed(
        signed,
        account=acts.account,
        idempotency_key=acts.idempotency_key,
        act="request",
        body_digest=acts.digest,
        result={"signer": body.signer, "call": hashlib.sha256(signed.call.data).hexdigest()},
    )
    return acts.answer(stored)


def _require_known(wired: Services, signer: str) -> None:
    """Refuse whom the chain does not know: the service pays gas for no stranger's acts.

    Raises `YuanliuError` (`access.forbidden`).
    """
    if not int(wired.deployment.actors.read(wired.node, "keyOf", signer)[1]):
        raise YuanliuError(
            "access.forbidden",
            f"nobody is enrolled with the key {signer}",
            hint="be enrolled first; a buyer pays by POST /payments/signed",
            fields={"signer": signer},
        )
