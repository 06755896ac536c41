"""Logs and block headers as fast as a node gives them: one kept connection, orjson, nothing decoded here.

web3.py's event processing gives 4,700 logs a second where the node gives 100,000.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any, Final

import orjson

from yuanliu.chain.line import MAX_ANSWER, Line, NoAnswer, TooLong
from yuanliu.chain.node import ChainUnreachable, RpcError
from yuanliu.errors import YuanliuError

Log = dict[str, Any]
"""A log as the node writes it: hex texts under the names of the JSON-RPC interface."""

_NO_JSON_RPC: Final = "its answer is no JSON-RPC"
_ONLY_HASHES: Final = False
_HEADERS_AT_ONCE: Final = 100


class AnswerTooLong(ChainUnreachable):
    """The answer is longer than `MAX_ANSWER` bytes: ask for less at once."""

    def __init__(self, url: str) -> None:
        super().__init__(url, f"its answer is longer than {MAX_ANSWER} bytes")
        self.code = "chain.answer_too_long"


class AnswerInvalid(YuanliuError):
    """The node's answer cannot be what our contracts logged."""

    def __init__(self, why: str, **fields: object) -> None:
        super().__init__(
            "chain.answer_invalid",
            f"the node's answer cannot be what the contracts logged: {why}",
            hint="nothing was taken over; ask another node, or wait until this one is in order",
            fields=fields,
            retryable=True,
            exit_code=2,
        )


@dataclass(frozen=True, slots=True)
class Header:
    """A block's header, as far as it is needed. `time` is in seconds UTC."""

    number: int
    hash: bytes
    parent: bytes
    time: int


class RawNode:
    """A JSON-RPC endpoint for reading logs. It belongs to one thread.

    Every method raises `ChainUnreachable` when the node does not answer within `timeout` seconds (`line.ANSWER_SECONDS`
    unless given) or answers nonsense, and `RpcError` when it answers with an error.
    """

    def __init__(self, url: str, *, timeout: float | None = None) -> None:
        self.url = url
        self._ids = count(1)
        self._line = Line(url, timeout)

    def close(self) -> None:
        """Close the connection."""
        self._line.close()

    def chain_id(self) -> int:
        """Give the chain's id (EIP-155)."""
        return self._number(self._call("eth_chainId"))

    def latest(self) -> Header:
        """Give the latest block's header."""
        found = self._header(self._call("eth_getBlockByNumber", "latest", _ONLY_HASHES))
        if found is None:
            raise ChainUnreachable(self.url, "it has no blocks")
        return found

    def header(self, number: int) -> Header | None:
        """Give a block's header; none if the chain is not that long."""
        found = self._header(self._call("eth_getBlockByNumber", hex(number), _ONLY_HASHES))
        if found is not None and found.number != number:
            raise ChainUnreachable(self.url, f"it gives block {found.number} for block {number}")
        return found

    def headers(self, numbers: Sequence[int]) -> list[Header]:
        """Give the headers of blocks that exist, in the order asked for."""
        found: list[Header] = []
        for start in range(0, len(numbers), _HEADERS_AT_ONCE):
            part = numbers[start : start + _HEADERS_AT_ONCE]
            answers = self._batch(("eth_getBlockByNumber", [hex(n), _ONLY_HASHES]) for n in part)
            for number, answer in zip(part, answers, strict=True):
                header = self._header(answer)
                if header is None or header.number != number:
                    raise ChainUnreachable(self.url, f"it has no block {number} any more")
                found.append(header)
        return found

    def logs(
        self, addresses: Sequence[str], topics: Sequence[str], first: int, last: int
    ) -> list[Log]:
        """Give the logs of contracts, of blocks `first` to `last`, whose first topic is one of `topics`."""
        return self.filtered({"address": list(addresses), "topics": [list(topics)]}, first, last)

    def filtered(self, query: dict[str, object], first: int, last: int) -> list[Log]:
        """Give the logs of blocks `first` to `last` that a filter of the JSON-RPC interface lets through."""
        blocks = {"fromBlock": hex(first), "toBlock": hex(last)}
        found = self._call("eth_getLogs", query | blocks)
        if not isinstance(found, list) or not all(type(log) is dict for log in found):
            raise ChainUnreachable(self.url, "it gives nonsense for eth_getLogs")
        return found

    def ask(self, calls: Sequence[tuple[str, list[object]]]) -> list[Any]:
        """Make many calls in one round trip; give each one's result, or the `RpcError` that it ended in."""
        answers: list[Any] = []
        for method, answer in zip(
            (method for method, _ in calls), self._answers(calls), strict=True
        ):
            try:
                answers.append(self._result(method, answer))
            except RpcError as error:
                answers.append(error)
        return answers

    # ------------------------------------------------------------------ JSON-RPC

    def _call(self, method: str, *params: object) -> Any:  # noqa: ANN401 -- JSON-RPC results have any shape
        request = {"jsonrpc": "2.0", "id": next(self._ids), "method": method, "params": params}
        return self._result(method, self._post(request))

    def _batch(self, calls: Iterable[tuple[str, list[object]]]) -> list[Any]:
        asked = list(calls)
        answers = self._answers(asked)
        return [
            self._result(method, answer) for (method, _), answer in zip(asked, answers, strict=True)
        ]

    def _answers(self, calls: Sequence[tuple[str, list[object]]]) -> list[Any]:
        """Give the answer to each of several calls, in their order; none to one that was not answered."""
        if not calls:
            return []
        requests = [
            {"jsonrpc": "2.0", "id": next(self._ids), "method": method, "params": params}
            for method, params in calls
        ]
        answers = self._post(requests)
        if not isinstance(answers, list) or not all(isinstance(a, dict) for a in answers):
            raise ChainUnreachable(self.url, _NO_JSON_RPC)
        by_id = {answer.get("id"): answer for answer in answers}
        return [by_id.get(request["id"]) for request in requests]

    def _result(self, method: str, answer: Any) -> Any:  # noqa: ANN401 -- JSON-RPC results have any shape
        if not isinstance(answer, dict):
            raise ChainUnreachable(self.url, _NO_JSON_RPC)
        error = answer.get("error")
        if error is not None:
            known = error if isinstance(error, dict) else {"message": str(error)}
            number = known.get("code")
            raise RpcError(
                method,
                str(known.get("message", "unknown error"))[:300],
                number if isinstance(number, int) else 0,
                None,
            )
        if "result" not in answer:
            raise ChainUnreachable(self.url, _NO_JSON_RPC)
        return answer["result"]

    def _post(self, body: object) -> Any:  # noqa: ANN401 -- JSON has any shape
        """Post, and read the answer to its end; the whole is bounded in time and size."""
        try:
            return orjson.loads(self._line.post(orjson.dumps(body)))
        except TooLong as error:
            raise AnswerTooLong(self.url) from error
        except NoAnswer as error:
            raise ChainUnreachable(self.url, str(error)) from error
        except orjson.JSONDecodeError as error:
            raise ChainUnreachable(self.url, _NO_JSON_RPC) from error

    def _header(self, raw: Any) -> Header | None:  # noqa: ANN401 -- JSON-RPC results have any shape
        if raw is None:
            return None
        try:
            header = Header(
                number=int(raw["number"], 16),
                hash=bytes.fromhex(raw["hash"][2:]),
                parent=bytes.fromhex(raw["parentHash"][2:]),
                time=int(raw["timestamp"], 16),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise self._nonsense("eth_getBlockByNumber") from error
        if len(header.hash) != 32 or len(header.parent) != 32:  # noqa: PLR2004 -- a hash
            raise self._nonsense("eth_getBlockByNumber")
        return header

    def _number(self, raw: Any) -> int:  # noqa: ANN401 -- JSON-RPC results have any shape
        try:
            return int(raw, 16)
        except (TypeError, ValueError) as error:
            raise self._nonsense("eth_chainId") from error

    def _nonsense(self, method: str) -> ChainUnreachable:
        return ChainUnreachable(self.url, f"it gives nonsense for {method}")
