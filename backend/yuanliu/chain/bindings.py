"""Our contracts as Python sees them: encode a call, decode an answer, a log, or a refusal, from the artifacts."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Final, cast

from eth_abi.abi import decode, encode
from eth_abi.exceptions import DecodingError, EncodingError
from eth_abi.registry import registry
from eth_utils.abi import collapse_if_tuple, event_abi_to_log_topic, function_abi_to_4byte_selector
from eth_utils.conversions import to_hex

from yuanliu.chain.artifacts import ARTIFACTS_DIR, Artifact, load_artifact
from yuanliu.chain.node import ChainUnreachable, Log, Node, RpcError
from yuanliu.errors import YuanliuError

if TYPE_CHECKING:
    from eth_typing import ABIEvent, ABIFunction

_BUILT_IN: Final = {
    bytes.fromhex("08c379a0"): ("Error", ("string",), ("message",)),
    bytes.fromhex("4e487b71"): ("Panic", ("uint256",), ("number",)),
}
"""Solidity's own two errors."""


_TOGETHER: Final = "Forwarder_CallFailed"
"""One of several calls made together failed; the reason within is what concerns its author."""


class ContractRefusal(YuanliuError):
    """A contract refused a call. `code` is `contract.` and the error's name; `fields` are its arguments.

    Of several calls made together, `fields` has besides, as `call`, the place of the one that was refused, from 0.
    """

    def __init__(self, name: str, fields: dict[str, object]) -> None:
        told = ", ".join(f"{key} {_plain(value)}" for key, value in fields.items())
        super().__init__(
            f"contract.{name}",
            f"the contract refused: {name}({told})",
            fields=fields,
        )
        self.name = name


@dataclass(frozen=True)
class Call:
    """A call of one of our contracts: where to, the encoded data, and its name for people."""

    to: str
    data: bytes
    name: str


@dataclass(frozen=True)
class Event:
    """A decoded log: the event's name and its fields by name."""

    name: str
    fields: dict[str, Any]
    log: Log


class Contract:
    """One contract at an address, with the ABI of its artifact, or with `abi` if it is not one of ours."""

    def __init__(
        self, name: str, address: str, *, abi: Sequence[dict[str, Any]] | None = None
    ) -> None:
        self.name = name
        self.address = address
        if abi is None:
            abi = load_artifact(name).abi
        self._functions = {entry["name"]: entry for entry in abi if entry["type"] == "function"}
        self._encoders: dict[str, Callable[[Sequence[object]], bytes]] = {}
        self._events = {
            bytes(event_abi_to_log_topic(cast("ABIEvent", entry))): entry
            for entry in abi
            if entry["type"] == "event"
        }

    def call(self, function: str, *arguments: object) -> Call:
        """Encode a call. Raises `YuanliuError` (`chain.value_invalid`) for what its field cannot hold."""
        entry = self._functions[function]
        try:
            data = self._encoder(function)(arguments)
        except EncodingError as error:
            raise _unfit(function, entry["inputs"], arguments) from error
        return Call(to=self.address, data=data, name=f"{self.name}.{function}")

    def _encoder(self, function: str) -> Callable[[Sequence[object]], bytes]:
        """Give what encodes a call of the function, made once: making it takes longer than using it."""
        known = self._encoders.get(function)
        if known is None:
            entry = self._functions[function]
            inputs = registry.get_tuple_encoder(*_types(entry["inputs"]))
            selector = _selector(entry)
            known = self._encoders[function] = lambda values: selector + inputs(values)
        return known

    def selector(self, function: str) -> bytes:
        """Give the four bytes that a call of the function begins with."""
        return _selector(self._functions[function])

    def read(self, node: Node, function: str, *arguments: object) -> Any:  # noqa: ANN401 -- as the ABI says
        """Call a view function: its value, a dict by name for a struct, a tuple for several values.

        Raises `ContractRefusal`, and `ChainUnreachable` for an answer that is none of this function.
        """
        with_data = self.call(function, *arguments)
        answer = call(node, with_data)
        outputs = self._functions[function]["outputs"]
        try:
            values = decode(_types(outputs), answer)
        except (DecodingError, OverflowError, ValueError) as error:
            raise ChainUnreachable(node.url, f"it gives nonsense for {with_data.name}") from error
        named = [_named(output, value) for output, value in zip(outputs, values, strict=True)]
        return named[0] if len(named) == 1 else tuple(named)

    def has_event(self, event: str) -> bool:
        """Tell whether the contract has an event of that name."""
        return any(entry["name"] == event for entry in self._events.values())

    def topic(self, event: str) -> bytes:
        """Give the first topic of an event."""
        return next(topic for topic, entry in self._events.items() if entry["name"] == event)

    def events(self, logs: Sequence[Log], name: str | None = None) -> list[Event]:
        """Decode those of `logs` that this contract emitted, or only the events called `name`."""
        mine = [log for log in logs if log.address == self.address.lower() and log.topics]
        decoded = [self._event(log) for log in mine if log.topics[0] in self._events]
        return [event for event in decoded if name in {None, event.name}]

    def _event(self, log: Log) -> Event:
        entry = self._events[log.topics[0]]
        indexed = [field for field in entry["inputs"] if field["indexed"]]
        rest = [field for field in entry["inputs"] if not field["indexed"]]
        fields = {
            field["name"]: decode([collapse_if_tuple(field)], topic)[0]
            for field, topic in zip(indexed, log.topics[1:], strict=True)
        }
        for field, value in zip(rest, decode(_types(rest), log.data), strict=True):
            fields[field["name"]] = _named(field, value)
        return Event(name=entry["name"], fields=fields, log=log)


def call(node: Node, what: Call, *, sender: str | None = None) -> bytes:
    """Call without a transaction; a revert becomes a `ContractRefusal`."""
    try:
        return node.call(what.to, what.data, sender=sender)
    except RpcError as error:
        raise refusal(error) from error


def refusal(error: RpcError) -> YuanliuError:
    """Turn a node's error into the contract's own refusal, if it carries one."""
    if not error.data or error.data == "0x":
        return error
    return _refused(bytes.fromhex(error.data[2:]))


def _refused(data: bytes) -> ContractRefusal:
    known = _errors().get(data[:4])
    if known is None:
        return ContractRefusal("Unknown", {"data": to_hex(data)})
    name, types, names = known
    try:
        values = decode(types, data[4:])
    except DecodingError:
        return ContractRefusal("Unknown", {"data": to_hex(data)})
    if name == _TOGETHER:
        index, reason = values
        inner = _refused(reason)
        return ContractRefusal(inner.name, {**inner.fields, "call": index})
    return ContractRefusal(name, dict(zip(names, values, strict=True)))


def creation(artifact: Artifact, *arguments: object) -> bytes:
    """Give the code that creates a contract, with the arguments of its constructor."""
    constructors = [entry for entry in artifact.abi if entry["type"] == "constructor"]
    types = _types(constructors[0]["inputs"]) if constructors else []
    return bytes.fromhex(artifact.bytecode[2:]) + encode(types, arguments)


@cache
def _errors() -> dict[bytes, tuple[str, Sequence[str], Sequence[str]]]:
    """Give every error of every contract by its selector."""
    known: dict[bytes, tuple[str, Sequence[str], Sequence[str]]] = dict(_BUILT_IN)
    for path in ARTIFACTS_DIR.glob("*.json"):
        if path.stem == "manifest":
            continue
        for entry in load_artifact(path.stem).abi:
            if entry["type"] == "error":
                selector = _selector(entry)
                names = [field["name"] for field in entry["inputs"]]
                known[selector] = (entry["name"], _types(entry["inputs"]), names)
    return known


def _unfit(
    function: str, inputs: list[dict[str, Any]], arguments: Sequence[object]
) -> YuanliuError:
    """Name the innermost values that cannot be encoded, such as a negative weight or half an address."""
    unfit = [
        path
        for field, value in zip(inputs, arguments, strict=False)
        for path in _faults(field, value)
    ]
    return YuanliuError(
        "chain.value_invalid",
        f"{function} cannot take {', '.join(unfit) or f'{len(arguments)} arguments'}",
        hint="numbers are whole, not negative and within the field; an address is 0x and 40 hex digits",
        fields={"function": function, "values": unfit},
    )


def _faults(field: dict[str, Any], value: Any) -> list[str]:  # noqa: ANN401 -- as the ABI says
    if _encodes(field, value):
        return []
    name = field["name"]
    inner: list[str] = []
    if field["type"].endswith("[]") and isinstance(value, list | tuple):
        item = {**field, "type": field["type"][:-2]}
        inner = [
            f"{name}[{i}].{path}" for i, each in enumerate(value) for path in _faults(item, each)
        ]
    elif field["type"] == "tuple" and isinstance(value, list | tuple):
        pairs = zip(field["components"], value, strict=False)
        return [path for part, each in pairs for path in _faults(part, each)] or [name]
    return inner or [f"{name} ({field['type']}): {str(value)[:80]}"]


def _encodes(field: dict[str, Any], value: object) -> bool:
    try:
        encode([collapse_if_tuple(field)], [value])
    except EncodingError:
        return False
    return True


def _selector(entry: dict[str, Any]) -> bytes:
    """Give the four bytes of a function; an error's are made the same way."""
    return bytes(function_abi_to_4byte_selector(cast("ABIFunction", {**entry, "type": "function"})))


def _types(fields: list[dict[str, Any]]) -> list[str]:
    return [collapse_if_tuple(field) for field in fields]


def _named(field: dict[str, Any], value: Any) -> Any:  # noqa: ANN401 -- as the ABI says
    """Give a struct as a dict by its fields' names, an array of them as a list of dicts."""
    if field["type"] == "tuple[]":
        return [_named({**field, "type": "tuple"}, item) for item in value]
    if field["type"] == "tuple":
        parts = field["components"]
        return {part["name"]: _named(part, item) for part, item in zip(parts, value, strict=True)}
    return value


def _plain(value: object) -> str:
    return to_hex(value) if isinstance(value, bytes) else str(value)
