"""The relayer: takes what waits in the outbox to the chain, in as few transactions as are quick.

One process runs it (`database.leader`), with an account that nobody else uses: it is the one owner of that account's
nonces. It may be killed at any moment. Each transaction is committed before it is sent, so that the next process sends
the same bytes again; and should two transactions carry the same intention after all, the forwarder executes it once,
because it executes each nonce of a signer once.

A chain that goes back (a node that lost its last seconds, a reorganization) is noticed by the hash of the highest
block that we have something in: a block's hash vouches for all before it. What was in blocks that are gone is sent
again, byte by byte the same.
"""

import logging
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Final

from sqlalchemy import Row
from sqlalchemy.exc import SQLAlchemyError

from yuanliu.chain import relay, transactions
from yuanliu.chain.executions import Mined, read_receipt
from yuanliu.chain.keys import Key
from yuanliu.chain.node import RpcError
from yuanliu.chain.transactions import Fees
from yuanliu.desk.checks import MAX_BYTES
from yuanliu.desk.connecting import unreachable
from yuanliu.desk.dispatches import Dispatch, Dispatches
from yuanliu.desk.intentions import State, request_of
from yuanliu.desk.outbox import Outbox
from yuanliu.desk.sending import Answer, NoFunds, Stuck, answer_of
from yuanliu.desk.verdicts import Judge, Verdicts
from yuanliu.desk.watching import Block, View, look, lowest_gone
from yuanliu.errors import YuanliuError

TRANSACTION_GAS: Final = 16_777_216
"""Most gas of one transaction (EIP-7825)."""

MOST_REQUESTS: Final = 100
"""Most requests in one transaction.

Measured, events of 550 bytes: in transactions of 25, a thousand keep one core busy for 1.31 s; of 50, 1.07 s; of 100,
0.99 s. 121 of them fit into the gas of one.
"""

DELAY: Final = 0.05
"""How long the relayer lets intentions gather, in seconds, while other transactions are on their way or just were.

The first of a trickle goes at once, those that follow share a transaction: each costs the service some 6 ms of a core.
"""

IN_FLIGHT: Final = 8
"""Most transactions that are sent and not mined. Measured: 3, 8 and 16 are equally fast on the bundled devnet, which
mines at once; on a chain with a block a second, 8 carry 800 events a second."""

LOOK_SECONDS: Final = 0.01
"""Time between two looks at the chain while something is on its way, in seconds."""

IDLE_SECONDS: Final = 0.25
"""Time between two looks at the chain while nothing is, in seconds."""

PEEK_SECONDS: Final = 0.05
"""Time between two looks at the outbox for what another process stored; what this one stores wakes the relayer."""

RESEND_SECONDS: Final = 3.0
"""After this time a transaction that is not mined is sent again: the node may have lost it."""

REPLACE_SECONDS: Final = 20.0
"""After this time it is replaced by one that pays more."""

FINAL_SECONDS: Final = 300.0
"""What was mined later than this is watched, however many blocks came after it. The bundled devnet makes dozens of
blocks a second under load and loses those of its last half minute when it is killed: more than 64."""

MOST_RAISE: Final = 10
"""How many times what the chain asks for now, or one gwei, a replacement may pay."""

LOST_SECONDS: Final = 1.0
"""How long the chain must say that a nonce of ours was used for something else, or is missing, to be believed."""

_BACK_OFF: Final = (0.1, 0.25, 0.5, 1.0, 2.0)
_FRAME: Final = 384
_GWEI: Final = 10**9
_CARE_SECONDS: Final = 10.0
_log: Final = logging.getLogger(__name__)


@dataclass(frozen=True)
class Status:
    """How the relayer is. Ages in seconds, `balance` in wei; `error` is None while all is well."""

    waiting: int
    sent: int
    oldest: float | None
    in_flight: int
    account: str
    account_nonce: int | None
    balance: int | None
    head: int | None
    error: YuanliuError | None


class Relayer:
    """Sends what waits. `run` in a thread of its own, or `step` by hand; `wake` and `status` from any thread."""

    def __init__(
        self, outbox: Outbox, key: Key, *, finality_depth: int = 64, free_gas: bool = False
    ) -> None:
        """`free_gas`: the chain takes what pays nothing, so nothing is ever offered."""
        self._free = free_gas
        self._outbox = outbox
        self._node = outbox.node
        self._deployment = outbox.deployment
        self._key = key
        self.address = str(key.address)
        self._depth = finality_depth
        self._book = Dispatches(outbox.engine, outbox.id, self.address, outbox.storing.ids)
        self._judge = Judge(self._node, self._deployment, self._book)
        self._woken = threading.Event()
        self._checked = False
        self._pending: list[Dispatch] | None = None
        self._anchor: Block | None = None
        self._view: View | None = None
        self._balance: int | None = None
        self._cared = -_CARE_SECONDS
        self._gap = 0.0
        self._opened = -DELAY
        self._gathering = False
        self._error: YuanliuError | None = None
        outbox.on_stored = self.wake

    # ------------------------------------------------------------------ running

    def run(self, stop: threading.Event) -> None:
        """Work until `stop` is set; whatever fails is tried again."""
        self._forget()  # another process may have led since
        failures = 0
        while not stop.is_set():
            try:
                busy = self.step()
            except YuanliuError as error:
                self._error = error
                _log.warning("relayer: %s", error)
                pause = _BACK_OFF[min(failures, len(_BACK_OFF) - 1)]
                failures += 1
                stop.wait(pause)
                continue
            failures = 0
            self._rest(busy)

    def _rest(self, busy: bool) -> None:  # noqa: FBT001 -- what `step` says
        """Wait until it is time for another look, or until there is something to do."""
        peeks = round(IDLE_SECONDS / PEEK_SECONDS)
        with suppress(SQLAlchemyError):  # the next step meets it, too, and says what it is
            while not self._woken.wait(LOOK_SECONDS if busy else PEEK_SECONDS):
                peeks -= 1
                if busy or not peeks or self._book.waits():
                    break
        self._woken.clear()

    def wake(self) -> None:
        """Say that there is something to do."""
        self._woken.set()

    def status(self) -> Status:
        """Tell how things stand. Raises `DatabaseUnreachable`."""
        try:
            waiting, sent, oldest = self._book.load()
        except SQLAlchemyError as error:
            raise unreachable(error) from error
        view = self._view
        return Status(
            waiting=waiting,
            sent=sent,
            oldest=None if oldest is None else max(0.0, time.time() - oldest),
            in_flight=len(self._pending or ()),
            account=self.address,
            account_nonce=view.count if view else None,
            balance=self._balance,
            head=view.head if view else None,
            error=self._error,
        )

    def step(self) -> bool:
        """Do what can be done now; tell whether something is on its way.

        Raises `ChainUnreachable`, `RpcError`, `DeploymentMismatch`, `DatabaseUnreachable`; then the next step reads
        the book and checks the chain anew.
        """
        try:
            return self._step()
        except SQLAlchemyError as error:
            self._forget()
            raise unreachable(error) from error
        except BaseException:
            self._forget()
            raise

    def _forget(self) -> None:
        self._pending = None

    def _step(self) -> bool:
        if not self._checked:
            self._deployment.check(self._node)
            self._checked = True
        elif self._pending is None:  # the node was away: it may be another chain than before
            self._deployment.check_chain(self._node)
        if self._pending is None:
            if count := self._book.adopt():
                _log.warning("relayer: %d transactions of another account's are sent anew", count)
            self._pending = self._book.pending()
            blocks = self._book.mined_blocks()
            self._anchor = blocks[0] if blocks else None
        view = look(self._node, self.address, self._anchor)
        view = self._view = replace(view, fees=Fees(0, 0)) if self._free else view
        if not view.same:
            self._went_back()
            return True
        self._error = None
        self._collect(view)
        self._push(view)
        self._gathering = False
        while self._fill(view):
            pass
        self._care(view)
        return self._gathering or bool(self._pending)

    # ------------------------------------------------------------------ a chain that went back

    def _went_back(self) -> None:
        """Find the highest of our blocks that is still there; what was in higher ones is on its way again."""
        lowest = lowest_gone(self._node, self._book.mined_blocks())
        if lowest is not None:
            count = self._book.take_back(lowest)
            _log.warning("relayer: the chain went back to below block %d: %d again", lowest, count)
        self._pending = None

    # ------------------------------------------------------------------ what was mined

    def _collect(self, view: View) -> None:
        """Read what became of transactions whose nonce is used."""
        used = []
        for dispatch in self._own():
            if dispatch.nonce < view.count:
                used.append(dispatch)
            else:
                dispatch.unseen = 0.0
        if not used:
            return
        asked = [(dispatch, attempt.hash) for dispatch in used for attempt in dispatch.attempts]
        answers = self._node.batch([("eth_getTransactionReceipt", [hash_]) for _, hash_ in asked])
        mined: dict[str, Mined] = {}
        for (dispatch, _), answer in zip(asked, answers, strict=True):
            if isinstance(answer, RpcError):
                raise answer
            receipt = read_receipt(self._node, self._deployment, answer)
            if receipt is not None:
                mined[dispatch.id] = receipt
        lost = []
        for dispatch in used:
            if dispatch.id not in mined:
                dispatch.unseen = dispatch.unseen or time.monotonic()
                if time.monotonic() - dispatch.unseen > LOST_SECONDS:
                    _log.warning("relayer: nonce %d was used by somebody else", dispatch.nonce)
                    lost.append(dispatch.id)
        self._settle(view, mined, lost)

    def _settle(self, view: View, mined: dict[str, Mined], lost: list[str]) -> None:
        if not mined and not lost:
            return
        verdicts, missing = Verdicts(), []
        executed = {
            (execution.signer, execution.nonce): execution
            for receipt in mined.values()
            for execution in receipt.executions
        }
        carried = [id_ for each in self._own() if each.id in mined for id_ in each.intentions]
        for row in self._book.rows(carried):
            execution = executed.get((row.signer, row.nonce))
            if row.state not in {str(State.SENT), str(State.WAITING)}:
                continue
            if execution is not None:
                verdicts.changes[row.id] = self._judge.executed(row, execution)
            elif row.dispatch in mined:
                missing.append(row)
        self._judge.not_executed(missing, verdicts, view.time)
        blocks = {id_: Block(receipt.block, receipt.block_hash) for id_, receipt in mined.items()}
        self._book.settle(blocks, lost, verdicts.grouped(), verdicts.following, verdicts.forgotten)
        self._pending = [
            each for each in self._own() if each.id not in mined and each.id not in lost
        ]
        highest = max(blocks.values(), key=lambda block: block.number, default=None)
        if highest and (self._anchor is None or highest.number > self._anchor.number):
            self._anchor = highest
        self._outbox.settled(verdicts.changes)

    # ------------------------------------------------------------------ sending

    def _push(self, view: View) -> None:
        """Send again what the node does not have any more, and replace what it has had for too long."""
        left = [dispatch for dispatch in self._own() if dispatch.nonce >= view.count]
        if left and left[0].nonce > view.count:
            self._heal_gap(left)
            return
        self._gap = 0.0
        self._opened = -DELAY
        self._gathering = False
        now = time.monotonic()
        late = [each for each in left if each.sent is None or now - each.sent > RESEND_SECONDS]
        if not late:
            return
        first = late[0]
        if (
            first is left[0]
            and first.first_sent is not None
            and now - first.first_sent > REPLACE_SECONDS
        ):
            self._replace(first, view)
        self._broadcast(late, view)

    def _heal_gap(self, left: list[Dispatch]) -> None:
        """Begin anew where the chain waits for a nonce that we have not: it went back further than our book."""
        self._gap = self._gap or time.monotonic()
        if time.monotonic() - self._gap > LOST_SECONDS:
            _log.warning("relayer: the chain lacks what came before nonce %d", left[0].nonce)
            self._book.settle({}, [dispatch.id for dispatch in left], [], {})
            self._pending, self._gap = None, 0.0

    def _replace(self, dispatch: Dispatch, view: View) -> None:
        if self._free:  # an account without coin could not pay even one wei per gas
            self._error, dispatch.sent = Stuck(dispatch.nonce, 0), time.monotonic()
            return
        most = MOST_RAISE * max(view.fees.most, _GWEI)
        if dispatch.attempts[-1].fees.most * transactions.BUMP > most:
            self._error = Stuck(dispatch.nonce, dispatch.attempts[-1].fees.most)
            return
        again = transactions.reprice(self._key, dispatch.attempts[-1], view.fees)
        self._book.add(dispatch, again)
        dispatch.first_sent = None
        _log.warning("relayer: nonce %d is replaced for %d wei", dispatch.nonce, again.fees.most)

    def _broadcast(self, dispatches: list[Dispatch], view: View) -> None:
        answers = self._node.batch(
            [
                ("eth_sendRawTransaction", ["0x" + dispatch.attempts[-1].raw.hex()])
                for dispatch in dispatches
            ]
        )
        now = time.monotonic()
        for dispatch, answer in zip(dispatches, answers, strict=True):
            said = answer_of(answer)
            if said in {Answer.TAKEN, Answer.USED}:
                dispatch.sent = now
                dispatch.first_sent = dispatch.first_sent or now
            elif said is Answer.CHEAP:
                self._replace(dispatch, view)  # and sent by the next step
            elif said is Answer.POOR:
                raise NoFunds(self.address)
            else:
                raise answer

    def _fill(self, view: View) -> bool:
        """Send one more transaction, if enough waits; tell whether."""
        own = self._own()
        if len(own) >= IN_FLIGHT or any(dispatch.unseen for dispatch in own):
            return False  # while it is unknown what became of some, what follows them would only be skipped
        rows = self._book.turn(MOST_REQUESTS)
        if not rows:
            return False
        late = [row for row in rows if row.deadline < view.time]
        if late:
            verdicts = Verdicts()
            self._judge.not_executed(late, verdicts, view.time)
            self._book.settle({}, [], verdicts.grouped(), verdicts.following, verdicts.forgotten)
            self._outbox.settled(verdicts.changes)
            return True
        rows = _company(rows, min(TRANSACTION_GAS, view.gas_limit))
        fresh = time.time() - min(row.updated for row in rows) < DELAY
        busy = own or time.monotonic() - self._opened < DELAY
        self._gathering = bool(busy and fresh and len(rows) < MOST_REQUESTS)
        if self._gathering:
            return False
        requests = [request_of(row) for row in rows]
        call = relay.batch_call(self._deployment, requests, self.address)
        gas = relay.transaction_gas(requests)
        nonce = max(view.count, own[-1].nonce + 1 if own else 0)
        first = transactions.sign_transaction(
            self._key,
            chain_id=self._deployment.chain_id,
            nonce=nonce,
            gas=gas,
            to=call.to,
            data=call.data,
            fees=view.fees,
        )
        dispatch = self._book.open(nonce, gas, [row.id for row in rows], first)
        self._opened = time.monotonic()
        own.append(dispatch)
        self._broadcast([dispatch], view)
        return True

    def _care(self, view: View) -> None:
        """Do what is due every few seconds."""
        if time.monotonic() - self._cared < _CARE_SECONDS:
            return
        self._cared = time.monotonic()
        self._balance = int(str(self._node.request("eth_getBalance", self.address, "latest")), 16)
        self._book.finish(view.head - self._depth, time.time() - FINAL_SECONDS)
        # Who lost the lock a moment ago may have sent something after this one read the book.
        known = {dispatch.id: dispatch for dispatch in self._own()}
        self._pending = [known.get(each.id, each) for each in self._book.pending()]
        blocks = self._book.mined_blocks()
        self._anchor = blocks[0] if blocks else None

    def _own(self) -> list[Dispatch]:
        if self._pending is None:
            self._pending = self._book.pending()
        return self._pending


def _company(rows: list[Row[Any]], most_gas: int) -> list[Row[Any]]:
    """Choose from the first rows what goes together: as much as fits; less after a whole transaction was refused."""
    chosen: list[Row[Any]] = []
    most, gas, size = MOST_REQUESTS, 0, 0
    for row in sorted(rows, key=lambda row: row.turn):
        most = min(most, max(1, MOST_REQUESTS >> max(0, row.attempts - 2)))
        gas += relay.transaction_gas([request_of(row)])
        size += len(row.data) + len(row.signature) + _FRAME
        if chosen and (len(chosen) >= most or gas > most_gas or size > MAX_BYTES):
            break
        chosen.append(row)
    return chosen
