"""The main job, for real: three sales from the field, each actor with a key of its own, on the devnet.

Eggs (floor ¥1.20, price ¥3.00, a third of the margin to the farmer), navel oranges under order (floor price and
premium dividend), and Fenghuang Dancong tea that is sold after a laboratory measured it against the limits. After them
two farmers' oranges are graded into one lot, and its money flows back to both.

Running it again adds new lots to the same chain.
"""

import itertools
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from functools import partial
from typing import Final

from yuanliu import actions, epcis, identifiers, journal, members, money, verify
from yuanliu.actions import Role
from yuanliu.chain import keys
from yuanliu.chain.bindings import Call
from yuanliu.chain.deployment import Deployment
from yuanliu.chain.launch import DEVNET_CHAIN_ID
from yuanliu.chain.node import Node, Sender
from yuanliu.demo import papers
from yuanliu.demo.cases import CASES, GRADED, SLOPES, Case
from yuanliu.desk.attachments import Store
from yuanliu.desk.intentions import State
from yuanliu.desk.outbox import Outbox
from yuanliu.epcis import readings
from yuanliu.errors import YuanliuError
from yuanliu.members import Member
from yuanliu.records import Sold, decode

__all__ = ["CASES", "Case", "Result", "Step", "Story"]

_CHINA: Final = timezone(timedelta(hours=8), "UTC+8")
_PLACE: Final = "https://id.yuanliu.example/place/"
_PARTY: Final = "https://id.yuanliu.example/party/"
_TRANSFORMATION: Final = "https://id.yuanliu.example/transformation/"
_CASES_PER_RUN: Final = 100
_WAIT_SECONDS: Final = 120.0
_PLAIN_GRADE_BPS: Final = 10_000
_GRAMS_TO_MILLIGRAMS: Final = 1_000
_ALL: Final = (*CASES, *SLOPES, GRADED)

_ENROLMENTS: Final = (
    # who is enrolled, by whom, as what, under which code
    ("cooperative", "platform", Role.COOPERATIVE, "COOP-0001"),
    ("carrier", "platform", Role.CARRIER, "CARRIER-0001"),
    ("inspector", "regulator", Role.INSPECTOR, "LAB-0001"),
    ("farmer-eggs", "cooperative", Role.FARMER, "H-0001"),
    ("farmer-oranges", "cooperative", Role.FARMER, "H-0002"),
    ("farmer-tea", "cooperative", Role.FARMER, "H-0003"),
)


@dataclass(frozen=True)
class Step:
    """One step of the story, mined. `case` is a case's key, or "setup"; `actor` who signed; `gas` what it cost."""

    case: str
    title: str
    actor: str
    transaction: str
    gas: int


@dataclass(frozen=True)
class Result:
    """How one case ended: the sale as the journal has it, and what was found when all of it was checked.

    `explanation` is the Python twin's computation of the same payment, `received` what each account's balance
    grew by; both were compared with the journal.
    """

    case: Case
    lot: str
    verification: verify.Verification
    sold: Sold
    explanation: money.Explanation
    received: money.Shares
    transactions: tuple[str, ...]


class Story:
    """Runs the cases. Each step is signed by its author, stored and relayed by the service; `told` hears each one.

    `attachments` takes the goods' pictures and the laboratory's report; without it no picture is named.
    Raises `YuanliuError` (`demo.not_devnet`) anywhere but on a devnet: the keys are public.
    """

    def __init__(
        self,
        node: Node,
        deployment: Deployment,
        outbox: Outbox,
        accounts: Mapping[str, keys.Key],
        told: Callable[[Step], None],
        *,
        attachments: Store | None = None,
    ) -> None:
        if deployment.chain_id != DEVNET_CHAIN_ID:
            raise YuanliuError(
                "demo.not_devnet",
                f"the demo uses public keys and runs on a devnet only, not on chain {deployment.chain_id}",
                hint="unset YUANLIU_RPC_URL and YUANLIU_CHAIN_ID to use the bundled devnet",
                fields={"chain_id": deployment.chain_id},
            )
        self._node = node
        self._d = deployment
        self._accounts = accounts
        self._outbox = outbox
        self._told = told
        self._attachments = attachments
        self._case = "setup"
        self._transactions: list[str] = []

    def run(self) -> Iterator[Result]:
        """Set up what is not there yet, then play each case."""
        self._set_up()
        for case in CASES:
            self._case = case.key
            self._transactions = []
            yield self._play(case)
        self._case = GRADED.key
        self._grade()

    # ------------------------------------------------------------------ set-up

    def _set_up(self) -> None:
        d = self._d
        for who, by, role, code in _ENROLMENTS:
            if not d.actors.read(self._node, "actorOf", self._address(who))["roles"]:
                agreed = actions.consent(
                    d, self._accounts[who], self._address(by), roles=role, code=code
                )
                call = actions.enrol(d, self._address(who), role, code, agreed)
                self._do(by, f"enrol {who} as {code}", call)
        if d.actors.read(self._node, "keyOf", self._address("clerk"))[1] == 0:
            agreed = actions.consent(
                d,
                self._accounts["clerk"],
                self._address("cooperative"),
                level=actions.KeyLevel.CLERK,
            )
            call = actions.appoint_clerk(d, self._address("clerk"), agreed)
            self._do("cooperative", "appoint the clerk", call)
        if not d.catalogue.read(self._node, "isListed", d.demo_yuan.address):
            self._do("platform", "list the token", actions.list_token(d, d.demo_yuan.address))
        for case in (*CASES, GRADED):
            self._offer_product(case)

    def _offer_product(self, case: Case) -> None:
        d = self._d
        cooperative = self._address("cooperative")
        product = d.catalogue.read(self._node, "productOf", identifiers.gtin_number(case.gtin))
        if not int(product["cooperative"], 16):
            call = actions.list_product(d, case.gtin, cooperative, case.unit)
            self._do("platform", f"list {case.name}", call)
        if not product["inForce"]:
            terms = actions.Terms(
                token=d.demo_yuan.address,
                ratios=case.ratios,
                cooperative_payee=cooperative,
                floor_per_unit=case.floor,
                platform_payee=self._address("platform"),
            )
            call = actions.publish_terms(d, case.gtin, terms)
            self._do("cooperative", f"publish terms for {case.name}", call)

    # ------------------------------------------------------------------ one case

    def _play(self, case: Case) -> Result:
        run, lot = self._next_lot(case)
        batch = self._batch(case, lot)
        now = datetime.now(_CHINA).replace(microsecond=0)
        whole = epcis.Lot(case.gtin, lot, case.units, case.unit)
        self._harvest(case, run, lot, now)
        event = epcis.produced(
            now - timedelta(days=30),
            whole,
            place=_PLACE + case.place,
            step=case.step,
            details=case.care,
        )
        self._do(
            case.farmer, f"record {case.step}", actions.record_production(self._d, batch, event)
        )
        if case.measurements:
            self._inspect(case, batch, whole, now)
        self._transport(case, batch, whole, now)
        received = self._sell(case, batch, run)
        return self._check(case, lot, batch, received)

    def _harvest(self, case: Case, run: int, lot: str, now: datetime) -> bytes:
        """Book a delivery and register a lot of it."""
        receipt = self._receipt(case, run)
        grams = case.units * case.unit_grams
        booking = actions.Booking(
            receipt=receipt,
            farmer=self._address(case.farmer),
            gtin=case.gtin,
            grams=grams,
            grade_bps=_PLAIN_GRADE_BPS,
            price_per_kg=case.floor * _GRAMS_TO_MILLIGRAMS // case.unit_grams,
        )
        self._do(
            "clerk",
            f"book delivery {receipt}: {grams / 1000:g} kg",
            actions.book(self._d, [booking]),
        )
        registration = actions.Registration(
            gtin=case.gtin,
            lot=lot,
            units=case.units,
            mass_per_unit=case.unit_grams * _GRAMS_TO_MILLIGRAMS,
            price=case.price,
        )
        event = epcis.harvested(
            now - timedelta(hours=6),
            epcis.Lot(case.gtin, lot, case.units, case.unit),
            place=_PLACE + case.place,
            harvested_on=now.date(),
            details={},
            description=case.description(self._store(case.picture(), "image/webp", case.drawn)),
        )
        call = actions.register(self._d, registration, [receipt], event)
        self._do("clerk", f"register lot {lot}: {case.units} × {case.unit_name}", call)
        return self._batch(case, lot)

    def _inspect(self, case: Case, batch: bytes, lot: epcis.Lot, now: datetime) -> None:
        report = papers.report(case, lot.lot, now)
        self._store(report, "text/plain", f"report-{lot.lot}.txt")
        event = epcis.inspected(
            now - timedelta(hours=3),
            lot,
            place=_PLACE + "laboratory",
            laboratory="LAB-0001",
            report_sha256=papers.sha256(report),
            conformant=all(m.within_limit for m in case.measurements),
            measurements=case.measurements,
        )
        call = actions.record_inspection(self._d, batch, event)
        self._do("inspector", "inspect: residues within the limits", call)

    def _transport(self, case: Case, batch: bytes, lot: epcis.Lot, now: datetime) -> None:
        shipped = epcis.moved(
            now - timedelta(hours=2),
            lot,
            step="shipping",
            place=_PLACE + "cooperative",
            source=_PARTY + "COOP-0001",
            destination=_PARTY + "CARRIER-0001",
        )
        self._do("carrier", "record shipping", actions.record_logistics(self._d, batch, shipped))
        cold = epcis.Temperature(
            minimum=Decimal("3.8"),
            maximum=Decimal("6.1"),
            mean=Decimal("4.9"),
            start=now - timedelta(hours=2),
            end=now,
        )
        if case.chilled:
            self._chill(case, batch, lot, now)
            return
        arrived = epcis.moved(
            now, lot, step="transporting", place=_PLACE + "road-s74", temperature=cold
        )
        self._do(
            "carrier",
            "record transport, 3.8 to 6.1 °C",
            actions.record_logistics(self._d, batch, arrived),
        )

    def _chill(self, case: Case, batch: bytes, lot: epcis.Lot, now: datetime) -> None:
        """Anchor what the sensor of the refrigerated lorry read, with their course."""
        limits = dict(zip(("lower", "upper"), map(Decimal, case.chilled or ()), strict=False))
        measured = papers.readings(now)
        texts = [each.text(papers.LOGGER) for each in measured]
        self._store(readings.file_of(texts), "text/plain", f"readings-{lot.lot}.txt")
        event = epcis.moved(now, lot, step="transporting", place=_PLACE + "road-g72")
        event |= readings.course(measured, **limits)
        event |= readings.listed(texts)
        leaves = [members.reading_leaf(text.encode()) for text in texts]
        call = actions.anchor_readings(self._d, batch, members.root(leaves), len(leaves), event)
        self._do("carrier", f"anchor {len(leaves)} temperature readings", call)

    # ------------------------------------------------------------------ one lot of two

    def _grade(self) -> None:
        """Grade two farmers' lots into one, sell of it, and have the money flow back to both."""
        d, case = self._d, GRADED
        run, lot = self._next_lot(case)
        now = datetime.now(_CHINA).replace(microsecond=0)
        inputs = []
        for slope in SLOPES:
            _, name = self._next_lot(slope)
            batch = self._harvest(slope, run, name, now)
            inputs.append((slope, epcis.Lot(slope.gtin, name, slope.units, slope.unit), batch))
        grams = sum(slope.units * slope.unit_grams for slope, _, _ in inputs)
        loss = (grams - case.units * case.unit_grams) * _GRAMS_TO_MILLIGRAMS
        event = epcis.transformed(
            now,
            [each for _, each, _ in inputs],
            [epcis.Lot(case.gtin, lot, case.units, case.unit)],
            place=_PLACE + "packing-house",
            transformation=_TRANSFORMATION + lot,
            loss_milligrams=loss,
            description=case.description(self._store(case.picture(), "image/webp", case.drawn)),
        )
        output = actions.Output(
            gtin=case.gtin,
            lot=lot,
            units=case.units,
            mass_per_unit=case.unit_grams * _GRAMS_TO_MILLIGRAMS,
            price=case.price,
            event=event,
        )
        used = [actions.Input(batch, slope.units) for slope, _, batch in inputs]
        call = actions.transform(d, used, [output], loss=loss)
        self._do("clerk", f"grade two lots into {lot}", call)
        batch = self._batch(case, lot)
        self._chill(case, batch, epcis.Lot(case.gtin, lot, case.units, case.unit), now)
        self._sell(case, batch, run)
        grams_of = {each: slope.units * slope.unit_grams for slope, _, each in inputs}
        listed = [
            Member(each, grams * _GRAMS_TO_MILLIGRAMS) for each, grams in sorted(grams_of.items())
        ]
        self._do("clerk", "pay both farmers", actions.settle(d, batch, 0, listed))

    def _sell(self, case: Case, batch: bytes, run: int) -> money.Shares:
        d = self._d
        amount = case.price * case.sold
        buyer = self._accounts["buyer"]
        mint = d.demo_yuan.call("mint", buyer.address, amount)
        self._tell(
            "issuer",
            f"give the buyer ¥{money.format_yuan(amount)} of demo money",
            Sender(self._node, self._accounts["issuer"]).send(mint.to, mint.data).transaction,
        )
        order = actions.Order(
            number=run * _CASES_PER_RUN + _ALL.index(case),
            buyer=buyer.address,
            lines=[actions.Line(batch, case.sold, amount)],
        )
        tomorrow = int((datetime.now(UTC) + timedelta(days=1)).timestamp())
        call = actions.pay_by_signature(
            d, self._node, buyer, d.demo_yuan.address, order, valid_before=tomorrow
        )
        before = self._balances(case)
        title = f"pay ¥{money.format_yuan(amount)} for {case.sold} × {case.unit_name}"
        self._do("buyer", title, call)
        after = self._balances(case)
        return money.Shares(*(new - old for new, old in zip(after, before, strict=True)))

    def _check(self, case: Case, lot: str, batch: bytes, received: money.Shares) -> Result:
        found = verify.verify(self._node, self._d, batch)
        bodies = [decode(record.data).body for record in found.history.records]
        sold = next(body for body in bodies if isinstance(body, Sold))
        explanation = money.explain(sold.amount, case.floor, sold.units, case.ratios)
        on_record = money.Shares(sold.farmers, sold.cooperative, sold.platform)
        if not on_record == explanation.shares == received:
            raise YuanliuError(
                "demo.shares_differ",
                f"{case.name}: recorded {on_record}, computed {explanation.shares}, received {received}",
                fields={"case": case.key},
            )
        return Result(
            case=case,
            lot=lot,
            verification=found,
            sold=sold,
            explanation=explanation,
            received=received,
            transactions=tuple(self._transactions),
        )

    # ------------------------------------------------------------------ tools

    def _store(self, data: bytes, media_type: str, name: str) -> str:
        """Store a file, and give its SHA-256; "" where files are not kept."""
        if self._attachments is None:
            return ""
        stored = self._attachments.put([data], declared=media_type, name=name, account="demo")
        return stored.sha256

    def _address(self, who: str) -> str:
        return str(self._accounts[who].address)

    def _do(self, who: str, title: str, call: Call) -> None:
        """Have somebody sign a call, and wait until it is mined. Raises `YuanliuError`, as the contract refused it."""
        submitted = self._outbox.submit(
            account="demo",
            key=self._accounts[who],
            call=call,
            idempotency_key=str(uuid.uuid4()),
            act=call.name,
            body_digest="",
        )
        done = self._outbox.wait(submitted.id, _WAIT_SECONDS)
        if done.state is not State.DONE or done.transaction is None:
            error = done.error or {}
            raise YuanliuError(
                error.get("code", "demo.not_done"),
                f"{title}: {error.get('message', 'it was not mined in time')}",
                hint=error.get("hint", "is the service running? See its log, and /readyz"),
            )
        self._tell(who, title, done.transaction)

    def _tell(self, who: str, title: str, transaction: str) -> None:
        self._transactions.append(transaction)
        receipt = self._node.receipt(transaction)
        gas = receipt.gas if receipt else 0
        self._told(Step(self._case, title, who, transaction, gas))

    def _balances(self, case: Case) -> tuple[int, int, int]:
        read = partial(self._d.demo_yuan.read, self._node, "balanceOf")
        farmer, cooperative, platform = (
            int(read(self._address(who))) for who in (case.farmer, "cooperative", "platform")
        )
        return farmer, cooperative, platform

    def _batch(self, case: Case, lot: str) -> bytes:
        number = identifiers.gtin_number(case.gtin)
        return journal.batch_id(self._address("cooperative"), number, lot)

    def _next_lot(self, case: Case) -> tuple[int, str]:
        """Give the number of this run, and the first lot of the day of which nothing is on the chain.

        Not even its delivery: an earlier run may have broken off between the scale and the registration.
        """
        today = datetime.now(UTC).strftime("%Y%m%d")
        runs = (
            (int(today) * 1000 + count, f"{case.key[:3].upper()}{today}-{count:03d}")
            for count in itertools.count(1)
        )
        return next((run, lot) for run, lot in runs if self._is_free(case, run, lot))

    def _is_free(self, case: Case, run: int, lot: str) -> bool:
        receipt = self._receipt(case, run)
        delivery = self._d.deliveries.read(
            self._node, "deliveryOf", self._address("cooperative"), receipt
        )
        batch = int.from_bytes(self._batch(case, lot))
        return not (delivery["grams"] or any(self._d.batches.read(self._node, "headOf", batch)))

    @staticmethod
    def _receipt(case: Case, run: int) -> int:
        return run * _CASES_PER_RUN + _ALL.index(case) + 1
