"""Takes the logs of the contracts in their order, window by window, and lets each be judged by what came before it."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from operator import itemgetter
from typing import Any, Final

from yuanliu.audit.authors import Authors
from yuanliu.audit.custody import Custody
from yuanliu.audit.goods import Goods
from yuanliu.audit.people import People
from yuanliu.audit.rules import Rule
from yuanliu.audit.sales import Sales
from yuanliu.audit.scene import Scene, Signed
from yuanliu.audit.trade import Trade
from yuanliu.chain.deployment import Deployment
from yuanliu.chain.node import RpcError
from yuanliu.chain.rawlogs import AnswerTooLong, Log, RawNode
from yuanliu.chain.words import word
from yuanliu.errors import YuanliuError
from yuanliu.hexes import address_bytes

CONTRACTS: Final = ("Actors", "Catalogue", "Deliveries", "Batches", "Payments")
TRANSFER: Final = "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef"
_PLAIN_TRANSFER: Final = 3
_INDEX_BITS: Final = 32
_AT_ONCE: Final = 300
_MANY: Final = 12_000
_MOST_FETCHED: Final = 50_000
_WORTH_A_BLOCK: Final = 16
"""From so many of its transactions on a block is asked for as a whole, instead of searched for each of them."""
_FAULT: Final = "yuanliu"
_NONSENSE: Final = (LookupError, TypeError, ValueError, AttributeError, YuanliuError)

Read = Callable[[Sequence[str], bytes], None]


class Source:
    """Asks a node for what an audit reads. Called by the thread that reads windows, ahead of what is judged."""

    def __init__(self, node: RawNode, deployment: Deployment) -> None:
        self.node = node
        payments = "0x" + deployment.payments.address.lower()[2:].rjust(64, "0")
        addresses = [deployment.contract(name).address for name in CONTRACTS]
        self._queries: tuple[dict[str, object], ...] = (
            {"address": addresses},
            {"topics": [[TRANSFER], [payments]]},
            {"topics": [[TRANSFER], None, [payments]]},
        )
        self._fetched: dict[str, Any] = {}

    def ask(self, first: int, last: int) -> list[Log]:
        """Give our contracts' logs, and the transfers from and to the payments' one; mark what is out of order."""
        found: list[Log] = []
        for query in self._queries:
            logs = self.node.filtered(query, first, last)
            before = -1
            for log in logs:
                place = _place(log)
                if place <= before:
                    log[_FAULT] = Rule.LOG_REPEATED if place == before else Rule.LOG_ORDER
                before = max(place, before)
            found += logs
        return found

    def read(self, first: int, last: int) -> list[Log]:
        """Give the same logs, and keep the transactions of our contracts' until they are asked for."""
        found = self.ask(first, last)
        if len(found) > _MANY and first != last:  # memory stays the same: a smaller window is taken
            raise RpcError("eth_getLogs", f"{len(found)} logs are too many at once", 0, None)
        blocks = {str(log.get("transactionHash")).lower(): log.get("blockNumber") for log in found}
        if len(self._fetched) > _MOST_FETCHED:  # of windows that were given up
            self._fetched.clear()
        for block, wanted in Counter(map(str, blocks.values())).items():
            if wanted >= _WORTH_A_BLOCK:
                self._fetch_block(block, blocks)
        self._fetch([hash_ for hash_ in blocks if hash_ not in self._fetched])
        return found

    def transactions(self, hashes: Sequence[str]) -> list[Any]:
        """Give transactions as the node gives them: none, or an `RpcError`, for what it does not have."""
        self._fetch([hash_ for hash_ in hashes if hash_ not in self._fetched])
        return [self._fetched.pop(hash_) for hash_ in hashes]

    def _fetch_block(self, block: str, wanted: Mapping[str, object]) -> None:
        """Keep the wanted transactions of a block. What it does not hold, as it should, is asked for by its hash."""
        try:
            answer = self.node.ask([("eth_getBlockByNumber", [block, True])])[0]
        except AnswerTooLong:
            return
        held = answer.get("transactions") if isinstance(answer, dict) else None
        for transaction in held if isinstance(held, list) else ():
            hash_ = str(transaction.get("hash") if isinstance(transaction, dict) else "").lower()
            if hash_ in wanted:
                self._fetched[hash_] = transaction

    def _fetch(self, hashes: Sequence[str]) -> None:
        for start in range(0, len(hashes), _AT_ONCE):
            part = hashes[start : start + _AT_ONCE]
            answers = self.node.ask([("eth_getTransactionByHash", [hash_]) for hash_ in part])
            self._fetched.update(zip(part, answers, strict=True))


def _place(log: Log) -> int:
    """Give a log's place; one that has none goes first, where it is found to be malformed."""
    try:
        return int(log["blockNumber"], 16) << _INDEX_BITS | int(log["logIndex"], 16)
    except (LookupError, TypeError, ValueError):
        return 0


class Replay:
    """Replays the logs of windows, one window after the other."""

    def __init__(self, scene: Scene, source: Source, deployment: Deployment) -> None:
        self._scene = scene
        self._trade = Trade(scene)
        self._custody = Custody(scene)
        self._sales = Sales(scene)
        self._goods = Goods(scene, self._trade, self._custody, self._sales)
        self._authors = Authors(scene, source.node, source.transactions, deployment)
        people = People(scene)
        readers: dict[str, Mapping[str, Read]] = {
            "Actors": people.readers,
            "Catalogue": self._trade.readers,
            "Deliveries": self._trade.readers,
            "Batches": {"Recorded": self._goods.recorded, "TransferSingle": self._custody.moved},
            "Payments": self._sales.readers,
        }
        self._readers: dict[tuple[str, str], Read] = {}
        for name in CONTRACTS:
            contract = deployment.contract(name)
            for event, read in readers[name].items():
                if contract.has_event(event):
                    topic = "0x" + contract.topic(event).hex()
                    self._readers[contract.address.lower(), topic] = read
        self._ours = {deployment.contract(name).address.lower() for name in CONTRACTS}
        self._recorded = "0x" + deployment.batches.topic("Recorded").hex()

    def window(self, logs: Sequence[Log], times: Mapping[int, int]) -> None:
        """Take the logs of a window; `times` are those of the blocks that hold logs."""
        scene = self._scene
        signed: list[Signed] = []
        before = -1
        placed = sorted(((_place(log), log) for log in logs), key=itemgetter(0))
        for place, log in placed:
            fault = log.get(_FAULT)
            if fault is Rule.LOG_REPEATED:
                self._at(place, times)
                scene.wrong(Rule.LOG_REPEATED, "once", "twice", what=_where(log))
                continue
            if (
                place == before
            ):  # a transfer of the payments' contract to itself answers both questions
                continue
            before = place
            hash_ = str(log.get("transactionHash")).lower()
            if hash_ != scene.transaction:
                self._end(signed)
                scene.transaction = hash_
            self._at(place, times)
            if fault is not None:
                scene.wrong(Rule.LOG_ORDER, "the chain's order", "another", what=_where(log))
            self._take(log)
        self._end(signed)
        scene.transaction = ""
        self._authors.check(signed)
        scene.transaction = ""

    def _at(self, place: int, times: Mapping[int, int]) -> None:
        scene = self._scene
        scene.block = place >> _INDEX_BITS
        scene.time = times.get(scene.block, 0)

    def _take(self, log: Log) -> None:
        scene = self._scene
        try:
            topics, address = log["topics"], log["address"].lower()
            data = bytes.fromhex(log["data"][2:])
            if address in self._ours:
                read = self._readers[address, topics[0]]
                scene.count_log()
                self._signed()
                read(topics, data)
            elif topics[0] == TRANSFER:
                if len(topics) == _PLAIN_TRANSFER:
                    self._sales.transferred(address_bytes(address), topics, data)
            else:
                raise ValueError("a log that was not asked for")
        except _NONSENSE as error:
            batch = b""
            topics = log.get("topics")
            if isinstance(topics, list) and topics[:1] == [self._recorded] and len(topics) > 1:
                batch = _word_or_none(topics[1])
            scene.wrong(
                Rule.LOG_MALFORMED,
                "a log of the contracts",
                str(error)[:200],
                what=_where(log),
                batch=batch,
            )

    def _signed(self) -> None:
        scene = self._scene
        if not scene.signed.transaction:
            scene.signed.transaction, scene.signed.block = scene.transaction, scene.block

    def _end(self, signed: list[Signed]) -> None:
        """End a transaction."""
        scene = self._scene
        if not scene.transaction:
            return
        self._goods.end()
        self._trade.end()
        self._sales.end()
        if scene.signed.transaction:
            signed.append(scene.signed)
        scene.signed = Signed("", 0)


def _where(log: Log) -> str:
    return f"block {log.get('blockNumber')}, log {log.get('logIndex')}"


def _word_or_none(topic: object) -> bytes:
    try:
        return word(str(topic))
    except ValueError:
        return b""
