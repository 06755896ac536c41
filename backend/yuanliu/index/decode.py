"""Logs into rows of facts, by hand: a log costs some ten microseconds, where a general ABI decoder takes two hundred.

Rows are tuples in the order of the table's columns, as the database holds them: bytes, whole numbers, and money as
decimal text of fixed width. What our contracts cannot have logged is refused, and with it the node's whole answer: a
node that leaves out, invents or changes a record is found out by the journal, for each log carries the head before it.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from typing import Any, Final, Protocol

from yuanliu import journal, records
from yuanliu.chain.deployment import Deployment
from yuanliu.chain.rawlogs import AnswerInvalid, Log
from yuanliu.chain.words import word
from yuanliu.errors import YuanliuError
from yuanliu.index.abi import Row, money
from yuanliu.index.logs import READERS, Reader
from yuanliu.index.payloads import BODY_AT
from yuanliu.index.tables import LAST_LOG, LOG_BITS, wrap
from yuanliu.members import CHUNK
from yuanliu.records import Kind

Rows = Mapping[str, Sequence[Row]]
"""Rows by table."""

_KEPT_JOURNALS: Final = 50_000
"""Journals whose end is remembered: some 20 MB. The others are looked up."""

_PLAIN: Final = frozenset(
    {Kind.CONSUMED, Kind.PRODUCTION, Kind.LOGISTICS, Kind.READINGS, Kind.CORRECTED}
)
"""Kinds of which the record is all there is to keep."""

_WORD: Final = 32
_RECORD_AT: Final = 3 * _WORD
_SOLD_BYTES: Final = 124
_OFFSET: Final = (2 * _WORD).to_bytes(_WORD)


class Tail:
    """The end of a batch's journal: the next record's number, the head before it, and what its pool needs."""

    __slots__ = ("batch", "chunks", "farmers", "head", "number", "weight")

    def __init__(self, batch: bytes, number: int, head: bytes) -> None:
        self.batch = batch
        self.number = number
        self.head = head
        self.chunks = 0
        self.weight = 0
        self.farmers: set[bytes] = set()


class Lookup(Protocol):
    """What the database already knows."""

    def tails(self, batches: Sequence[bytes]) -> Iterable[tuple[bytes, int, bytes]]:
        """Give (batch, number, head) of the last record of each batch that has one."""

    def collected(self, batch: bytes) -> Iterable[tuple[int, bytes, int]]:
        """Give (position, farmer, weight) of the members that a batch has so far."""

    def farmer(self, batch: bytes) -> bytes | None:
        """Give the one farmer of a batch, or none if it has a pool."""


class Decoder:
    """Turns the logs of consecutive windows of blocks into rows. `forget` it when the rows were not stored."""

    def __init__(self, deployment: Deployment, lookup: Lookup) -> None:
        self._lookup = lookup
        self._chain_id = deployment.chain_id
        self._batches = deployment.batches.address.lower()
        self._tails: dict[str, Tail] = {}
        self._farmers: dict[bytes, bytes | None] = {}
        self._rows: defaultdict[str, list[Row]] = defaultdict(list)
        self._recorded_topic = "0x" + deployment.batches.topic("Recorded").hex()
        self._readers: dict[tuple[str, str], tuple[str, Reader]] = {}
        for name, events in READERS.items():
            contract = deployment.contract(name)
            for event, reader in events.items():
                topic = "0x" + contract.topic(event).hex()
                self._readers[contract.address.lower(), topic] = reader
        self.addresses = sorted({self._batches, *(address for address, _ in self._readers)})
        self.topics = sorted({self._recorded_topic, *(topic for _, topic in self._readers)})
        self._on_record = {
            Kind.COLLECTED: self._collected,
            Kind.REGISTERED: self._registered,
            Kind.DERIVED: self._derived,
            Kind.INSPECTION: self._inspected,
            Kind.PRICED: self._priced,
            Kind.SOLD: self._sold,
            Kind.OFFERED: self._offered,
            Kind.ACCEPTED: self._answered,
            Kind.REFUSED: self._answered,
            Kind.WITHDRAWN: self._answered,
            Kind.RELEASED: self._made_safe,
            Kind.RECALLED: self._made_safe,
            Kind.RECALL_LIFTED: self._made_safe,
        }

    def forget(self) -> None:
        """Forget what was decoded, because it was not stored or is taken back."""
        self._tails.clear()
        self._farmers.clear()

    def decode(self, logs: Sequence[Log], first: int, last: int, times: Mapping[int, int]) -> Rows:
        """Turn the logs of blocks `first` to `last` into rows; `times` are those of the blocks that hold logs.

        Raises `AnswerInvalid`.
        """
        rows: defaultdict[str, list[Row]] = defaultdict(list)
        self._rows = rows
        self._load_tails(logs)
        recorded, batches, readers = self._recorded_topic, self._batches, self._readers
        before, block_text, block, time, tx_text, tx = -1, "", -1, 0, "", b""
        log: Log = {}
        try:
            for log in logs:
                if log["blockNumber"] != block_text:
                    block_text = log["blockNumber"]
                    block = int(block_text, 16)
                    if not first <= block <= last:
                        raise AnswerInvalid("a block that was not asked for", block=block)
                    time = times[block]
                place = block << LOG_BITS | int(log["logIndex"], 16)
                if place <= before or place & ~LAST_LOG != block << LOG_BITS:
                    raise AnswerInvalid("a log twice or out of order", block=block)
                before = place
                if log["transactionHash"] != tx_text:
                    tx_text = log["transactionHash"]
                    tx = word(tx_text)
                topics, address = log["topics"], log["address"].lower()
                data = bytes.fromhex(log["data"][2:])
                if topics[0] == recorded and address == batches:
                    self._record(topics, data, place, time, tx)
                else:
                    table, read = readers[address, topics[0]]
                    rows[table].extend(read(topics, data, place, time, tx))
        except (LookupError, TypeError, ValueError, AttributeError, YuanliuError) as error:
            self.forget()
            if isinstance(error, AnswerInvalid):
                raise
            raise AnswerInvalid(
                "a log that is none of theirs",
                block=log.get("blockNumber"),
                log_index=log.get("logIndex"),
                address=log.get("address"),
                reason=str(error)[:200],
            ) from error
        return rows

    # ------------------------------------------------------------------ journals

    def _load_tails(self, logs: Sequence[Log]) -> None:
        """Look up where the journals end that these logs go on with."""
        topic = self._recorded_topic
        try:
            named = {log["topics"][1] for log in logs if log["topics"][0] == topic}
            if len(self._tails) > _KEPT_JOURNALS:
                self.forget()
            wanted = {word(text): text for text in named - self._tails.keys()}
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            raise AnswerInvalid("a log without topics") from error
        for batch, text in wanted.items():
            start = journal.genesis(self._chain_id, self._batches, batch)
            self._tails[text] = Tail(batch, 0, start)
        for batch, number, head in self._lookup.tails(list(wanted)):
            self._tails[wanted[batch]] = Tail(batch, number + 1, head)

    def _record(self, topics: Sequence[str], data: bytes, place: int, time: int, tx: bytes) -> None:
        """Take over a record, the commonest log by far."""
        length = int.from_bytes(data[64:96])
        record = data[_RECORD_AT : _RECORD_AT + length]
        if (
            length <= BODY_AT - 1
            or data[_WORD : 2 * _WORD] != _OFFSET
            or len(data) != _RECORD_AT + (length + 31 & ~31)
            or len(topics) != 2  # noqa: PLR2004 -- the event and the batch
            or record[0] != records.VERSION
            or int.from_bytes(record[2:10]) != time
        ):
            raise AnswerInvalid("a record that is malformed", place=place)
        tail = self._tails[topics[1]]
        previous = data[:_WORD]
        if previous != tail.head:
            raise AnswerInvalid(
                "a record before this one is missing, or another one was changed",
                batch="0x" + tail.batch.hex(),
                number=tail.number,
                block=place >> LOG_BITS,
            )
        tail.head = head = sha256(previous + sha256(record).digest()).digest()
        kind = record[1]
        row = (
            place,
            tail.batch,
            tail.number,
            kind,
            time,
            record[10:30],
            record[30:50],
            previous,
            head,
            record,
            tx,
        )
        self._rows["record"].append(row)
        tail.number += 1
        if kind not in _PLAIN:
            self._on_record[Kind(kind)](tail, record, place, time, tx)

    @staticmethod
    def _body(record: bytes) -> Any:  # noqa: ANN401 -- the body of its kind
        return records.decode(record).body

    def _collected(self, tail: Tail, record: bytes, place: int, _time: int, _tx: bytes) -> None:
        body = self._body(record)
        self._load_members(tail)
        self._enter(tail, body.entries, place)

    def _registered(self, tail: Tail, record: bytes, place: int, time: int, tx: bytes) -> None:
        body = self._body(record)
        self._load_members(tail)
        self._enter(tail, body.entries, place)
        farmer = next(iter(tail.farmers)) if len(tail.farmers) == 1 else None
        self._open(
            tail, record, body, place, time, tx, (body.loss_milligrams, None, tail.weight, farmer)
        )

    def _derived(self, tail: Tail, record: bytes, place: int, time: int, tx: bytes) -> None:
        body = self._body(record)
        farmers = {self._farmer_of(parent.batch) for parent in body.parents}
        farmer = next(iter(farmers)) if len(farmers) == 1 else None
        weight = sum(parent.milligrams for parent in body.parents)
        self._open(tail, record, body, place, time, tx, (None, body.transformation, weight, farmer))
        for i, parent in enumerate(body.parents):
            mass = wrap(parent.milligrams)
            self._rows["lineage"].append((place, i, tail.batch, parent.batch, mass))
            self._rows["member"].append((place, i, tail.batch, i, parent.batch, mass, None))

    def _open(
        self,
        tail: Tail,
        record: bytes,
        body: records.Registered | records.Derived,
        place: int,
        time: int,
        tx: bytes,
        particular: tuple[int | None, int | None, int, bytes | None],
    ) -> None:
        """Add a batch. `particular`: its loss, its transformation, its total weight, its one farmer."""
        cooperative = record[10:30]
        if sha256(cooperative + record[BODY_AT : BODY_AT + 28]).digest() != tail.batch:
            raise AnswerInvalid("a batch whose id is not that of its lot", place=place)
        loss, transformation, weight, farmer = particular
        self._farmers[tail.batch] = farmer
        row = (
            place,
            tail.batch,
            cooperative,
            body.gtin,
            body.lot,
            body.terms,
            wrap(body.units),
            body.milligrams_per_unit,
            None if loss is None else wrap(loss),
            transformation,
            money(body.price, 29),
            wrap(weight),
            farmer,
            time,
            tx,
        )
        self._rows["batch"].append(row)

    def _load_members(self, tail: Tail) -> None:
        """Look up what a batch collected before; nothing if this is its first record, or it is known already."""
        if tail.number > 1 and not tail.chunks:
            for position, farmer, weight in self._lookup.collected(tail.batch):
                tail.weight += weight
                tail.chunks = max(tail.chunks, position // CHUNK + 1)
                tail.farmers.add(farmer)

    def _enter(self, tail: Tail, entries: Sequence[records.Entry], place: int) -> None:
        """Add a chunk of members."""
        first = tail.chunks * CHUNK
        for i, entry in enumerate(entries):
            farmer = bytes.fromhex(entry.farmer[2:])
            weight = entry.grams * entry.grade_bps
            tail.farmers.add(farmer)
            tail.weight += weight
            self._rows["member"].append(
                (place, i, tail.batch, first + i, farmer, wrap(weight), wrap(entry.receipt))
            )
        tail.chunks += bool(entries)

    def _farmer_of(self, batch: bytes) -> bytes | None:
        if batch not in self._farmers:
            self._farmers[batch] = self._lookup.farmer(batch)
        return self._farmers[batch]

    # ------------------------------------------------------------------ other records

    def _inspected(self, tail: Tail, record: bytes, place: int, time: int, _tx: bytes) -> None:
        conformant = bool(record[BODY_AT])
        self._rows["safety"].append((place, tail.batch, record[1], conformant, record[10:30], time))

    def _made_safe(self, tail: Tail, record: bytes, place: int, time: int, _tx: bytes) -> None:
        conformant = True if record[1] == Kind.RELEASED else None
        self._rows["safety"].append((place, tail.batch, record[1], conformant, record[10:30], time))

    def _priced(self, tail: Tail, record: bytes, place: int, _time: int, _tx: bytes) -> None:
        price = money(int.from_bytes(record[BODY_AT:]), 29)
        self._rows["price"].append((place, tail.batch, price))

    def _sold(self, tail: Tail, record: bytes, place: int, time: int, tx: bytes) -> None:
        body = record[BODY_AT:]
        if len(body) != _SOLD_BYTES:
            raise AnswerInvalid("a sale that is malformed", place=place)
        units = wrap(int.from_bytes(body[52:60]))
        amounts = (money(int.from_bytes(body[at : at + 16]), 39) for at in (60, 76, 92, 108))
        self._rows["sale"].append(
            (place, tail.batch, record[10:30], body[:32], body[32:52], units, *amounts, time, tx)
        )

    def _offered(self, tail: Tail, record: bytes, place: int, time: int, tx: bytes) -> None:
        body = self._body(record)
        row = (
            place,
            tail.batch,
            body.offer,
            record[10:30],
            bytes.fromhex(body.receiver[2:]),
            wrap(body.units),
            time,
            tx,
        )
        self._rows["offer"].append(row)

    def _answered(self, tail: Tail, record: bytes, place: int, time: int, _tx: bytes) -> None:
        number = int.from_bytes(record[BODY_AT : BODY_AT + 4])
        self._rows["answer"].append((place, tail.batch, number, record[1], time))
