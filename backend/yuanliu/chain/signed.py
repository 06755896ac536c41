"""Who signed a transaction and the requests within it, found out from the bytes: nobody's word is taken for it.

The hash of a transaction is made anew from its fields and its sender recovered from its signature; so is the signer of
each request to the relay, and of an ERC-3009 payment.
"""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from coincurve import PublicKey
from Crypto.Hash import keccak as _keccak

from yuanliu.chain import relay
from yuanliu.chain.bindings import Call
from yuanliu.chain.deployment import Deployment
from yuanliu.hexes import address_bytes

_WORD: Final = 32
_SELECTOR: Final = 4
_SIGNATURE: Final = 65
_LEGACY, _LISTS, _FEES, _DELEGATES = 0, 1, 2, 4
_HALF_ORDER: Final = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0
_REQUEST_WORDS: Final = 7


def keccak(data: bytes) -> bytes:
    """Give keccak-256."""
    return _keccak.new(digest_bits=256, data=data).digest()


def recover(digest: bytes, r: int, s: int, parity: int) -> bytes | None:
    """Give the address whose key signed a hash; none for what is no signature, or malleable."""
    if not (0 <= parity <= 1 and 0 < s <= _HALF_ORDER and 0 < r < 1 << 256):
        return None
    try:
        signature = r.to_bytes(_WORD) + s.to_bytes(_WORD) + bytes([parity])
        key = PublicKey.from_signature_and_message(signature, digest, hasher=None)
    except (ValueError, Exception):  # noqa: BLE001 -- coincurve raises its bare Exception
        return None
    return keccak(key.format(compressed=False)[1:])[12:]


def recover_bytes(digest: bytes, signature: bytes) -> bytes | None:
    """`recover` from 65 bytes, r ‖ s ‖ v."""
    if len(signature) != _SIGNATURE:
        return None
    r, s = int.from_bytes(signature[:32]), int.from_bytes(signature[32:64])
    return recover(digest, r, s, signature[64] - 27)


# ---------------------------------------------------------------------- transactions


@dataclass(frozen=True, slots=True)
class Sent:
    """A transaction: who signed it, where it went (nowhere: it makes a contract), and what it says.

    `sender` is recovered; none if the node's fields are not those of the hash, or the signature is nobody's. `stated`
    is whom the node names. `impersonated`: a development node sent it in somebody's name without his key.
    """

    sender: bytes | None
    stated: bytes
    to: bytes
    data: bytes
    impersonated: bool


def read_transaction(raw: dict[str, Any], hash_: str) -> Sent:
    """Read a transaction as the node gives it. Raises `ValueError`, `KeyError`, `TypeError` for nonsense."""
    kind = int(raw.get("type") or "0x0", 16)
    r, s = int(raw["r"], 16), int(raw["s"], 16)
    v = int(raw.get("yParity") or raw["v"], 16) if kind else int(raw["v"], 16)
    data = bytes.fromhex((raw.get("input") or raw["data"])[2:])
    to = bytes.fromhex((raw.get("to") or "0x")[2:])
    body = b"".join(map(_rlp, _fields(raw, kind, to, data)))
    prefix = bytes([kind]) if kind else b""
    parity = v
    signed = body
    if kind == _LEGACY:
        parity = (v - 35) % 2 if v >= 35 else v - 27  # noqa: PLR2004 -- EIP-155
        if v >= 35:  # noqa: PLR2004 -- EIP-155
            signed += _rlp(_number((v - 35) // 2)) + _rlp(b"") * 2
    end = b"".join(_rlp(_number(value)) for value in (v, r, s))
    whole = prefix + _length(len(body) + len(end), 0xC0) + body + end
    is_whole = keccak(whole).hex() == hash_.removeprefix("0x")
    sender = None
    if is_whole:
        digest = keccak(prefix + _length(len(signed), 0xC0) + signed)
        sender = recover(digest, r, s, parity)
    stated = address_bytes(raw["from"])
    return Sent(sender, stated, to, data, impersonated=r == s <= 1)


def _fields(raw: dict[str, Any], kind: int, to: bytes, data: bytes) -> list[Any]:
    def number(name: str) -> bytes:
        return _number(int(raw[name], 16))

    nonce, gas, value = number("nonce"), number("gas"), number("value")
    if kind == _LEGACY:
        return [nonce, number("gasPrice"), gas, to, value, data]
    chain = number("chainId")
    lists = [
        [
            bytes.fromhex(entry["address"][2:]),
            [bytes.fromhex(key[2:]) for key in entry["storageKeys"]],
        ]
        for entry in raw.get("accessList") or []
    ]
    if kind == _LISTS:
        return [chain, nonce, number("gasPrice"), gas, to, value, data, lists]
    if kind not in {_FEES, _DELEGATES}:
        raise ValueError(f"transactions of type {kind} are not known")
    priority, most = number("maxPriorityFeePerGas"), number("maxFeePerGas")
    fields = [chain, nonce, priority, most, gas, to, value, data, lists]
    if kind == _DELEGATES:
        fields.append(
            [
                [
                    _number(int(one["chainId"], 16)),
                    bytes.fromhex(one["address"][2:]),
                    *(_number(int(one[name], 16)) for name in ("nonce", "yParity", "r", "s")),
                ]
                for one in raw["authorizationList"]
            ]
        )
    return fields


def _number(value: int) -> bytes:
    return value.to_bytes((value.bit_length() + 7) // 8)


def _rlp(item: Any) -> bytes:  # noqa: ANN401 -- bytes, or lists of such
    """Encode; by hand, because the general library takes ten times as long."""
    if isinstance(item, bytes):
        if len(item) == 1 and item[0] < 0x80:  # noqa: PLR2004 -- RLP
            return item
        return _length(len(item), 0x80) + item
    joined = b"".join(map(_rlp, item))
    return _length(len(joined), 0xC0) + joined


def _length(size: int, base: int) -> bytes:
    if size < 56:  # noqa: PLR2004 -- RLP
        return bytes([base + size])
    number = _number(size)
    return bytes([base + 55 + len(number)]) + number


# ---------------------------------------------------------------------- requests to the relay


@dataclass(frozen=True, slots=True)
class Request:
    """A request to the relay as it stands in a call."""

    signer: bytes
    to: bytes
    value: int
    gas: int
    deadline: int
    data: bytes
    signature: bytes

    def digest(self, deployment: Deployment, nonce: int) -> bytes:
        """Give what the signer signed, if it was his request of that number."""
        call = Call("0x" + self.to.hex(), self.data, "")
        return relay.request_digest(
            deployment,
            "0x" + self.signer.hex(),
            call,
            gas=self.gas,
            nonce=nonce,
            deadline=self.deadline,
        )


class Reader:
    """Takes calls of our contracts apart."""

    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment
        self.actors = address_bytes(deployment.actors.address)
        self.payments = address_bytes(deployment.payments.address)
        actors, payments = deployment.actors, deployment.payments
        self._execute = actors.selector("execute")
        self._batch = actors.selector("executeBatch")
        self._together = actors.selector("together")
        self._authorized = payments.selector("payWithAuthorization")
        self._binding = {
            actors.selector(name): (name, words)
            for name, words in (
                ("enrol", 3),
                ("appointClerk", 1),
                ("rotateKey", 1),
                ("proposeRecovery", 2),
            )
        }

    def requests(self, data: bytes) -> list[Request]:
        """Give the requests in a call of the relay, or anywhere in a call of a stranger's contract."""
        if data[:_SELECTOR] == self._execute:
            return [_request(data[_SELECTOR:], _offset(data[_SELECTOR:], 0))]
        if data[:_SELECTOR] == self._batch:
            body = data[_SELECTOR:]
            start = _offset(body, 0)
            base = start + _WORD
            count = _word(body, start)
            return [_request(body, base + _word(body, base + _WORD * i)) for i in range(count)]
        return []

    def embedded(self, data: bytes) -> Iterator[Request]:
        """Give what looks like requests within other code's calldata; their signatures tell whether they are."""
        for selector in (self._execute, self._batch):
            for part in _parts(data, selector):
                with suppress(ValueError):
                    yield from self.requests(part)

    def embedded_payments(self, data: bytes) -> Iterator[bytes]:
        """Give what looks like payments by authorisation within other code's calldata, likewise."""
        for part in _parts(data, self._authorized):
            with suppress(ValueError):
                self.authorization(self.payments, part)
                yield part

    def calls(self, to: bytes, data: bytes) -> list[tuple[bytes, bytes]]:
        """Give the call itself, or those that it makes together, however deep."""
        todo, found = [(to, data)], []
        while todo:
            to, data = todo.pop()
            if to != self.actors or data[:_SELECTOR] != self._together:
                found.append((to, data))
                continue
            body = data[_SELECTOR:]
            start = _offset(body, 0)
            base = start + _WORD
            for i in range(_word(body, start)):
                place = base + _word(body, base + _WORD * i)
                inner_to = body[place + 12 : place + _WORD]
                todo.append((inner_to, _bytes(body, place + _word(body, place + _WORD))))
        return found

    def authorization(
        self, to: bytes, data: bytes
    ) -> tuple[bytes, bytes, tuple[int, int, int]] | None:
        """Give of a payment by authorisation the payer, the hash of the struct he signed, and his signature."""
        if to != self.payments or data[:_SELECTOR] != self._authorized:
            return None
        body = data[_SELECTOR:]
        order = _offset(body, 0)
        payer = body[_WORD + 12 : 2 * _WORD]
        after, before, v, r, s = (_word(body, _WORD * i) for i in range(2, 7))
        lines = order + _word(body, order + 2 * _WORD)
        count = _word(body, lines)
        end = lines + _WORD + 3 * _WORD * count
        total = sum(_word(body, lines + _WORD + _WORD * (3 * i + 2)) for i in range(count))
        encoded = b"".join(
            (
                self._deployment.chain_id.to_bytes(_WORD),
                self.payments.rjust(_WORD, b"\0"),
                (3 * _WORD).to_bytes(_WORD),
                body[order : order + 2 * _WORD],
                (3 * _WORD).to_bytes(_WORD),
                body[lines:end],
            )
        )
        struct = keccak(
            b"".join(
                (
                    _AUTHORIZATION,
                    payer.rjust(_WORD, b"\0"),
                    self.payments.rjust(_WORD, b"\0"),
                    total.to_bytes(_WORD),
                    after.to_bytes(_WORD),
                    before.to_bytes(_WORD),
                    keccak(encoded),
                )
            )
        )
        return payer, struct, (v, r, s)

    def consent(self, to: bytes, data: bytes) -> tuple[bytes, bytes] | None:
        """Give of a call that binds a key the key, and the signature of its consent."""
        known = self._binding.get(data[:_SELECTOR])
        if to != self.actors or known is None:
            return None
        name, words = known
        body = data[_SELECTOR:]
        at = _WORD if name == "proposeRecovery" else 0
        return body[at + 12 : at + _WORD], _bytes(body, _offset(body, words))

    def consent_digest(self, party: bytes, level: int, roles: int, code: bytes) -> bytes:
        """Give what a key signs to be bound."""
        struct = b"".join(
            (
                _CONSENT,
                party.rjust(_WORD, b"\0"),
                level.to_bytes(_WORD),
                roles.to_bytes(_WORD),
                code.ljust(_WORD, b"\0"),
            )
        )
        within = relay.domain_hash(self._deployment)
        return keccak(b"\x19\x01" + within + keccak(struct))


_AUTHORIZATION: Final = keccak(
    b"ReceiveWithAuthorization(address from,address to,uint256 value,uint256 validAfter,"
    b"uint256 validBefore,bytes32 nonce)"
)
_CONSENT: Final = keccak(b"Consent(address party,uint8 level,uint16 roles,bytes16 code)")


def _parts(data: bytes, selector: bytes) -> Iterator[bytes]:
    """Give the ends of a call that begin with a selector, all but the call itself."""
    at = data.find(selector, 1)
    while at >= 0:
        yield data[at:]
        at = data.find(selector, at + 1)


def _request(body: bytes, at: int) -> Request:
    words = [_word(body, at + _WORD * i) for i in range(_REQUEST_WORDS)]
    return Request(
        signer=body[at + 12 : at + _WORD],
        to=body[at + _WORD + 12 : at + 2 * _WORD],
        value=words[2],
        gas=words[3],
        deadline=words[4],
        data=_bytes(body, at + words[5]),
        signature=_bytes(body, at + words[6]),
    )


def _word(body: bytes, at: int) -> int:
    found = body[at : at + _WORD]
    if len(found) != _WORD:
        raise ValueError("the call ends within a word")
    return int.from_bytes(found)


def _offset(body: bytes, index: int) -> int:
    return _word(body, _WORD * index)


def _bytes(body: bytes, at: int) -> bytes:
    length = _word(body, at)
    found = body[at + _WORD : at + _WORD + length]
    if len(found) != length:
        raise ValueError("the call ends within a text")
    return found


def typed(domain: bytes, struct: bytes) -> bytes:
    """Give the hash of typed data (EIP-712) from those of its domain and its struct."""
    return keccak(b"\x19\x01" + domain + struct)


def text_digest(text: str) -> bytes:
    """Give what a wallet signs of a text (EIP-191, `personal_sign`)."""
    data = text.encode()
    return keccak(b"\x19Ethereum Signed Message:\n" + str(len(data)).encode() + data)
