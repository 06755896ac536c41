"""A short season with everything in it that an audit judges, and who lies about it afterwards."""

import copy
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from tests.tampering import Json, Tamper
from tests.world import GTIN_EGGS, GTIN_TEA, KILOGRAM, Batch, World, person

from yuanliu import journal
from yuanliu.audit.replay import CONTRACTS, TRANSFER

PRODUCTION, LOGISTICS = 5, 7
NOTE: Final = b'{"type":"ObjectEvent","note":"quiet"}'

RawLog = dict[str, Any]


@dataclass(frozen=True)
class Season:
    """What was done. Each batch is for lies about one thing."""

    world: World
    pool: Batch
    single: Batch
    box: Batch
    checked: Batch
    recalled: Batch
    handed: Batch
    quiet: Batch
    unsold: Batch
    receipt: int


def play(world: World) -> Season:
    """Play the season."""
    w = world
    f = w.farmers
    receipt = w.book((f[0], 700))[0]
    pool = w.harvest((f[0], 6_000), (f[1], 12_000), (f[2], 3_000, 12_000))
    single = w.harvest((f[3], 60_000))
    w.record(w.clerk, single, PRODUCTION)
    for _ in range(2):
        w.pay(single, 3)
    w.pay(pool, 7)
    w.act(f[1], w.actors, "redirectPayout", w.payments.address)
    w.claim(w.step(pool, 0))
    w.pay(pool, 5)
    w.settle(pool)
    w.act(f[1], w.actors, "redirectPayout", person("a bank").address)
    w.act(w.outsider, w.payments, "withdraw", w.yuan.address, f[1].address)
    w.pay(pool, 2)
    other = w.harvest((f[4], 60_000), (f[5], 60_000))
    box = w.transform([(pool, 20), (other, 100)], price=400_000)
    w.pay(box, 2)
    w.claim(w.step(box, 0), w.step(pool if box.chunks[0][0][0] == pool.id else other, 0))
    checked = w.harvest((f[0], 6_000))
    w.inspect(checked, conformant=False)
    w.inspect(checked, conformant=True)
    w.pay(checked)
    recalled = w.harvest((f[2], 6_000))
    w.act(w.coop, w.batches, "recall", recalled.id, "坏蛋")
    w.act(w.regulator, w.batches, "liftRecall", recalled.id, "sound")
    w.pay(recalled)
    handed = w.harvest((f[0], 6_000))
    w.hand_over(w.coop, handed, w.retailer, 10)
    w.offer(w.retailer, handed, w.outsider, 3)
    w.act(w.coop, w.batches, "setPrice", handed.id, 350)
    _people(w, handed)
    unsold = w.harvest((f[4], 9_000), (f[5], 3_000), gtin=GTIN_TEA, price=15_000, unit=KILOGRAM)
    quiet = w.harvest((f[0], 6_000))
    for number in range(3):
        w.record(w.coop, quiet, PRODUCTION, NOTE[:-2] + str(number).encode() + NOTE[-2:])
    w.relayed(w.coop, w.batches, "record", quiet.id, PRODUCTION, NOTE)
    w.publish(GTIN_TEA, w.terms(5_000, 3_000, 2_000, floor=1))
    return Season(w, pool, single, box, checked, recalled, handed, quiet, unsold, receipt)


def _people(w: World, batch: Batch) -> None:
    w.record(w.carrier, batch, LOGISTICS)
    w.act(w.regulator, w.actors, "suspend", w.carrier.address, "asked")
    w.act(w.regulator, w.actors, "reinstate", w.carrier.address, "answered")
    w.record(w.carrier, batch, LOGISTICS)
    new = person("the retailer's second key")
    w.act(w.retailer, w.actors, "rotateKey", new.address)
    w.offer(new, batch, w.coop, 2)
    receipt = w.book((w.farmer, 500))[0]
    w.act(w.coop, w.deliveries, "voidDelivery", receipt, "称错了")
    w.act(w.coop, w.actors, "proposeRecovery", w.farmers[3].address, person("found").address)
    w.act(w.farmers[3], w.actors, "cancelRecovery", w.farmers[3].address)


# ---------------------------------------------------------------------- lies


class Story:
    """All logs of the season as a liar tells them; `said` replaces texts in whatever else the node answers."""

    def __init__(self, season: Season) -> None:
        self.season = season
        self.w = season.world
        addresses = [self.w.deployment.contract(name).address for name in CONTRACTS]
        payments = "0x" + self.w.payments.address[2:].lower().rjust(64, "0")
        self.queries: list[dict[str, Any]] = [
            {"address": addresses},
            {"topics": [[TRANSFER], [payments]]},
            {"topics": [[TRANSFER], None, [payments]]},
        ]
        blocks = {"fromBlock": "0x0", "toBlock": "latest"}
        self.logs: list[list[RawLog]] = [
            self.w.node.request("eth_getLogs", query | blocks) for query in self.queries
        ]
        self.said: dict[str, str] = {}
        self.answers: dict[str, Callable[[Any], Any]] = {}

    @property
    def ours(self) -> list[RawLog]:
        return self.logs[0]

    def copy(self) -> "Story":
        other = copy.copy(self)
        other.logs = copy.deepcopy(self.logs)
        other.said, other.answers = {}, {}
        return other

    # ------------------------------------------------------------------ finding

    def events(self, contract: str, event: str) -> list[RawLog]:
        found = self.w.deployment.contract(contract)
        topic = "0x" + found.topic(event).hex()
        return [
            log
            for log in self.ours
            if log["address"].lower() == found.address.lower() and log["topics"][0] == topic
        ]

    def records(self, batch: Batch, kind: int | None = None) -> list[RawLog]:
        topic = "0x" + batch.id.to_bytes(32).hex()
        return [
            log
            for log in self.events("Batches", "Recorded")
            if log["topics"][1] == topic and kind in {None, record_of(log)[1]}
        ]

    def beside(self, log: RawLog) -> list[RawLog]:
        """Give all logs of a log's block."""
        return [
            other
            for logs in self.logs
            for other in logs
            if other["blockNumber"] == log["blockNumber"]
        ]

    # ------------------------------------------------------------------ lying

    def drop(self, *dropped: RawLog) -> None:
        for logs in self.logs:
            for log in dropped:
                if log in logs:
                    logs.remove(log)

    def word(self, log: RawLog, index: int, change: Callable[[int], int]) -> None:
        """Change a word of a log's data."""
        data = bytearray.fromhex(log["data"][2:])
        at = 32 * index
        data[at : at + 32] = change(int.from_bytes(data[at : at + 32])).to_bytes(32)
        log["data"] = "0x" + data.hex()

    def rewrite(
        self, batch: Batch, log: RawLog | None, change: Callable[[bytearray], None]
    ) -> None:
        """Change a record, and whatever would betray it: all heads after it, and the one that the contract keeps."""
        if log is not None:
            record = bytearray(record_of(log))
            change(record)
            _set_record(log, bytes(record))
        self.rechain(batch)

    def rechain(self, batch: Batch) -> None:
        id_ = batch.id.to_bytes(32)
        truth = bytes.fromhex(self.w.state(batch)["head"].hex())
        head = journal.genesis(self.w.deployment.chain_id, self.w.batches.address.lower(), id_)
        for log in self.records(batch):
            record = record_of(log)
            log["data"] = "0x" + head.hex() + log["data"][66:]
            head = hashlib.sha256(head + hashlib.sha256(record).digest()).digest()
        self.said[truth.hex()] = head.hex()

    def sign(self, log: RawLog, index: int, change: Callable[[int], int]) -> None:
        """Let the author of a direct act be in the lie: he signed a call whose word `index` is another."""
        before = self.answers.get("eth_getTransactionByHash", lambda raw: raw)

        def told(raw: Any) -> Any:  # noqa: ANN401 -- JSON
            raw = before(raw)
            if not raw or raw["hash"] != log["transactionHash"]:
                return raw
            data = bytearray.fromhex(raw["input"][2:])
            at = 4 + 32 * index
            data[at : at + 32] = change(int.from_bytes(data[at : at + 32])).to_bytes(32)
            return raw | {"input": "0x" + data.hex()}

        self.answers["eth_getTransactionByHash"] = told

    def tamper(self) -> Tamper:
        """Give what a proxy is to do."""

        def answer(request: Json | list[Json], ask: Callable[[], Any]) -> Any:  # noqa: ANN401 -- JSON
            if isinstance(request, dict) and request["method"] == "eth_getLogs":
                return {
                    "jsonrpc": "2.0",
                    "id": request["id"],
                    "result": self._found(request["params"][0]),
                }
            told = ask()
            requests = request if isinstance(request, list) else [request]
            by_id = {r["id"]: r["method"] for r in requests}
            for each in told if isinstance(told, list) else [told]:
                change = self.answers.get(by_id.get(each.get("id"), ""))
                if change and "result" in each:
                    each["result"] = change(each["result"])
                if isinstance(each.get("result"), str):
                    for true, false in self.said.items():
                        each["result"] = each["result"].replace(true, false)
            return told

        return answer

    def _found(self, query: Json) -> list[RawLog]:
        number = next(
            i
            for i, known in enumerate(self.queries)
            if known.get("topics") == query.get("topics")
            and ("address" in known) == ("address" in query)
        )
        first, last = int(query["fromBlock"], 16), int(query["toBlock"], 16)
        return [log for log in self.logs[number] if first <= int(log["blockNumber"], 16) <= last]


def record_of(log: RawLog) -> bytes:
    data = bytes.fromhex(log["data"][2:])
    return data[96 : 96 + int.from_bytes(data[64:96])]


def _set_record(log: RawLog, record: bytes) -> None:
    padded = record.ljust(len(record) + 31 & ~31, b"\0")
    log["data"] = log["data"][:130] + (len(record).to_bytes(32) + padded).hex()


def gtin_topic(gtin: int = GTIN_EGGS) -> str:
    return "0x" + gtin.to_bytes(32).hex()
