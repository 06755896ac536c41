"""The chain that the invariants are tried on, and the one door to it: `Arena.do` asks the ghost ledger first.

A call that the ghost refuses is tried without a transaction and must be refused with the same error. Any other is sent
and must succeed, append exactly the records that the ghost appended, and leave exactly the state that the ghost has.
Everything goes over one kept-alive connection: 500 transactions or 24,000 batched reads a second.
"""

import http.client
import json
import pickle
import socket
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import cache, lru_cache
from typing import Any, Final

from eth_abi.abi import encode
from eth_typing import Hash32
from eth_utils.crypto import keccak
from tests.invariants.ghost_money import Money, Token
from tests.invariants.ghost_people import (
    ANY_REVERT,
    CLERK,
    NO_CODE,
    OWNER,
    Consent,
    Product,
    Refused,
    Terms,
)
from tests.world import (
    BINDING,
    KILOGRAM,
    PAYLOAD,
    ZERO,
    Person,
    Role,
    World,
    code,
    lot,
    person,
    transacted,
)

from yuanliu import members
from yuanliu.chain.bindings import Contract, ContractRefusal, _types, refusal
from yuanliu.chain.devnet import Devnet
from yuanliu.chain.node import RpcError
from yuanliu.records import Kind

GAS: Final = hex(16_777_216)
INNER_GAS: Final = 6_000_000
FOREVER: Final = 2**48 - 1
RICH: Final = 10**24
SPARE: Final = tuple(person(f"spare {i}") for i in range(16))
"""Keys that nobody has yet."""

_REQUEST: Final = keccak(
    text="ForwardRequest(address from,address to,uint256 value,uint256 gas,uint256 nonce,uint48 deadline,bytes data)"
)
_DOMAIN: Final = keccak(
    text="EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
)
_CONSENT: Final = keccak(text="Consent(address party,uint8 level,uint16 roles,bytes16 code)")
_AUTHORIZATION: Final = keccak(
    text="ReceiveWithAuthorization(address from,address to,uint256 value,uint256 validAfter,"
    "uint256 validBefore,bytes32 nonce)"
)
_PERMIT: Final = keccak(
    text="Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)"
)

GHOST_NAMES: Final = {
    ("Payments", "withdraw"): "withdraw_credit",
    ("Payments", "withdrawTo"): "withdraw_to",
}
"""Methods of the ghost that are not named like their function."""


class Arena:
    """The world, its hostile tokens and receivers, the ghost, and a connection of its own."""

    def __init__(self, devnet: Devnet) -> None:
        self.world = World(devnet)
        w = self.world
        self._http = http.client.HTTPConnection("127.0.0.1", devnet.port, timeout=300)
        self._http.connect()
        self._http.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.contracts: dict[str, Contract] = {
            "Actors": w.actors,
            "Catalogue": w.catalogue,
            "Deliveries": w.deliveries,
            "Batches": w.batches,
            "Payments": w.payments,
            "Token": w.yuan,
        }
        self.people: tuple[Person, ...] = (
            *(w.platform, w.regulator, w.coop, w.coop2, w.clerk, *w.farmers, w.farmer2),
            *(w.inspector, w.carrier, w.retailer, w.buyer, w.outsider),
            *SPARE,
        )
        self.accounts = {p.address: p.account for p in self.people}
        self.receivers = [
            w.create(name).address.lower()
            for name in ("Reverter", "GasBurner", "Bomb", "Reenterer", "Reenterer")
        ]
        self.succeeded: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()
        self.kinds: Counter[Kind] = Counter()
        self.reasons: Counter[tuple[str, str]] = Counter()
        self._readings: dict[bytes, bytes] = {}
        self._consents: dict[bytes, Consent] = {}
        self.calls = 0
        self.request("anvil_setBlockTimestampInterval", 1)
        self.ghost = self._seed()
        self._prepare()
        self._start = str(self.request("evm_snapshot"))
        self._saved = pickle.dumps(vars(self.ghost))

    # ------------------------------------------------------------------ beginning

    def restart(self) -> None:
        """Take chain and ghost back to the beginning."""
        assert self.request("evm_revert", self._start) is True
        self._start = str(self.request("evm_snapshot"))
        self.restore(self._saved)
        self._latest()

    def close(self) -> None:
        self._http.close()

    def restore(self, saved: bytes) -> None:
        vars(self.ghost).update(pickle.loads(saved))

    def _seed(self) -> Money:
        """The ghost of the world as `World` founds it."""
        w = self.world
        g = Money(
            w.platform.address,
            w.regulator.address,
            self._latest(),
            batches=w.batches.address.lower(),
            payments=w.payments.address.lower(),
            chain_id=w.deployment.chain_id,
        )
        platform, regulator = w.platform.address, w.regulator.address
        enrolments = [
            (platform, w.coop, Role.COOPERATIVE, "coop-one"),
            (platform, w.coop2, Role.COOPERATIVE, "coop-two"),
            (platform, w.carrier, Role.CARRIER, "carrier"),
            (platform, w.retailer, Role.RETAILER, "retailer"),
            (regulator, w.inspector, Role.INSPECTOR, "lab"),
            *((w.coop.address, f, Role.FARMER, f"F{i}") for i, f in enumerate(w.farmers)),
            (w.coop2.address, w.farmer2, Role.FARMER, "F0"),
        ]
        for by, who, role, name in enrolments:
            consent = (who.address, by, OWNER, role, code(name))
            g.enrol(by, who.address, role, code(name), consent)
        clerk, coop = w.clerk.address, w.coop.address
        g.appoint_clerk(coop, clerk, (clerk, coop, CLERK, 0, NO_CODE))
        for address, actor in g.actors.items():
            actor.enrolled_at = int(w.ask(w.actors, "actorOf", address)["enrolledAt"])
        yuan = w.yuan.address.lower()
        g.listed[yuan] = True
        for gtin in (6901234567892, 6901234500011, 16901234500018, 6901234500028):
            product = w.ask(w.catalogue, "productOf", gtin)
            g.products[gtin] = Product(product["cooperative"].lower(), product["unit"])
        for number in range(1, 5):
            raw, gtin = w.ask(w.catalogue, "termsOf", number)
            values: list[Any] = [v.lower() if isinstance(v, str) else v for v in raw.values()]
            g.terms.append(replace(Terms(*values), gtin=gtin))
            g.products[gtin].in_force = number
        g.tokens[yuan] = Token("yuan")
        g.tokens[yuan].balances[w.buyer.address] = w.money(w.buyer)
        g.tokens[yuan].approved.add(w.buyer.address)
        for name in ("CallbackToken", "BlacklistToken", "FalseToken", "PausableToken", "FeeToken"):
            token = w.create(name)
            self.contracts[name] = token
            g.tokens[token.address.lower()] = Token(name)
        g.contracts = {c.address.lower() for c in self.contracts.values()} | set(self.receivers)
        return g

    def _prepare(self) -> None:
        """Found what the world lacks: a product and terms for each token, rich buyers, hostile payees, some batches."""
        w, g = self.world, self.ghost
        for address, token in g.tokens.items():
            contract = Contract(token.name, address, abi=_TOKEN_ABI)
            for buyer in (w.buyer, w.retailer):
                w.act(w.issuer, contract, "mint", buyer.address, RICH)
                w.act(buyer, contract, "approve", w.payments.address, 2**256 - 1)
                token.balances[buyer.address] += RICH
                token.approved.add(buyer.address)
        for receiver, insists in zip(self.receivers[3:], (False, True), strict=True):
            reenterer = Contract("Reenterer", receiver, abi=_REENTERER_ABI)
            again = w.payments.call("withdraw", w.yuan.address, w.coop_payee.address).data
            w.act(w.outsider, reenterer, "prepare", w.payments.address, again, insists)
        callback = self.contracts["CallbackToken"]
        for receiver in self.receivers:
            w.act(w.issuer, callback, "setTold", receiver, True)
            fails = receiver != self.receivers[3]
            g.tokens[callback.address.lower()].told[receiver] = fails
        self._latest()
        told = callback.address.lower()
        number = 690_111_000_000
        for address in g.tokens:
            for coop in (w.coop, w.coop2):
                number += 1
                gtin = with_check_digit(number)
                self.do(w.platform.address, "Catalogue", "listToken", address, True)
                self.do(w.platform.address, "Catalogue", "listProduct", gtin, coop.address, b"KGM")
                payee = self.receivers[0] if address == told else w.coop_payee.address
                terms = (address, 5_000, 3_000, 2_000, payee, 0, w.platform_payee.address)
                self.do(coop.address, "Catalogue", "publishTerms", gtin, terms)
        self._first_batches()

    def _first_batches(self) -> None:
        """For each token: a batch of three farmers, paid for once, one of a single farmer, and one made of both."""
        w, g = self.world, self.ghost
        for gtin in [gtin for gtin, p in g.products.items() if p.cooperative == w.coop.address][
            -6:
        ]:
            pooled: list[int] = []
            single: list[int] = []
            for grams, farmer in ((7_000, 0), (11_000, 1), (13_000, 2), (5_000, 3)):
                receipt = w.number()
                booking = (receipt, w.farmers[farmer].address, gtin, grams, 10_000 - farmer, 0)
                self.do(w.coop.address, "Deliveries", "book", [booking])
                (single if farmer == 3 else pooled).append(receipt)
            made = []
            for receipts, units in ((pooled, 31), (single, 5)):
                name = lot(f"A{w.number()}")
                what = (gtin, name, units, KILOGRAM, 0, 1_001)
                self.do(w.coop.address, "Batches", "register", what, receipts, PAYLOAD)
                made.append(g.batch_id(w.coop.address, gtin, name))
            inputs = [(batch, 2) for batch in sorted(made)]
            output = (gtin, lot(f"A{w.number()}"), 7, 500_000, 777, PAYLOAD)
            self.do(w.coop.address, "Batches", "transform", inputs, [output], 500_000)
            order = (w.number(), w.buyer.address, [(made[0], 1, 1_001)])
            self.do(w.buyer.address, "Payments", "pay", order)
        self.check()

    # ------------------------------------------------------------------ acting

    def do(
        self,
        sender: str,
        contract: str,
        function: str,
        *arguments: Any,  # noqa: ANN401 -- as the ABI says
        ghost: Callable[[], None] | None = None,
        relay: str = "",
    ) -> bool:
        """Call a function as the ghost foresees it, directly or by the relay; tell whether it was done."""
        self.calls += 1
        g = self.ghost
        call = self.contracts[contract].call(function, *arguments)
        saved = pickle.dumps(vars(g))
        g.now = self._latest_known + 1
        g.appended.clear()
        try:
            (ghost or self._twin(contract, function, sender, arguments))()
        except Refused as refused:
            self.restore(saved)
            self._expect_refusal(sender, call.to, call.data, refused.name, call.name)
            self.refused[call.name] += 1
            self.reasons[call.name, refused.name] += 1
            return False
        expected = list(g.appended)
        if relay and sender in self.accounts:
            receipt = self._relayed(sender, call.to, call.data, relay)
        else:
            receipt = self.send(sender, call.to, call.data)
        assert int(receipt["status"], 16) == 1, (
            f"{call.name} failed: {self._why(sender, call.to, call.data)}"
        )
        assert self._latest_known == g.now
        self._check_records(receipt, expected)
        self.succeeded[call.name] += 1
        return True

    def _twin(
        self, contract: str, function: str, sender: str, arguments: Sequence[Any]
    ) -> Callable[[], None]:
        g = self.ghost
        if function == "publishTerms":
            gtin, terms = arguments
            return lambda: g.publish_terms(sender, gtin, replace(Terms(*terms), gtin=gtin))
        if function in BINDING:
            *before, consent = arguments
            arguments = (*before, self._consents.get(consent))
        name = GHOST_NAMES.get((contract, function)) or snake(function)
        return lambda: getattr(g, name)(sender, *arguments)

    def send(self, sender: str, to: str, data: bytes) -> dict[str, Any]:
        """Send a transaction in anybody's name; give its receipt."""
        transaction = {
            "from": sender,
            "to": to,
            "data": "0x" + data.hex(),
            "gas": GAS,
            "gasPrice": "0x0",
        }
        raw = transacted(self.request, transaction)
        self._latest_known = int(raw["blockTimestamp"])
        return raw

    def _relayed(self, sender: str, to: str, data: bytes, how: str) -> dict[str, Any]:
        """Sign a request and relay it, alone or behind one that is forged; or make it one of several calls."""
        g = self.ghost
        forwarder = self.contracts["Actors"]
        if how == "together":
            call = forwarder.call("together", [(to, data)])
            self.succeeded[call.name] += 1
            return self.send(sender, call.to, call.data)
        request = self._request(sender, to, data)
        g.nonces[sender] = g.nonces.get(sender, 0) + 1
        if how == "execute":
            call = forwarder.call("execute", request)
        else:
            forged = (*request[:3], INNER_GAS + 1, *request[4:])
            call = forwarder.call("executeBatch", [forged, request], self.world.outsider.address)
        self.succeeded[call.name] += 1
        return self.send(self.world.outsider.address, call.to, call.data)

    def _request(self, sender: str, to: str, data: bytes) -> tuple[Any, ...]:
        nonce = self.ghost.nonces.get(sender, 0)
        struct = encode(
            ["bytes32", "address", "address", "uint256", "uint256", "uint256", "uint48", "bytes32"],
            [_REQUEST, sender, to, 0, INNER_GAS, nonce, FOREVER, keccak(data)],
        )
        signature = self.sign(sender, "Yuanliu", self.contracts["Actors"].address, struct)
        return (sender, to, 0, INNER_GAS, FOREVER, data, signature)

    def sign(self, sender: str, name: str, contract: str, struct: bytes) -> bytes:
        """Sign a struct of EIP-712: r ‖ s ‖ v."""
        domain = encode(
            ["bytes32", "bytes32", "bytes32", "uint256", "address"],
            [_DOMAIN, keccak(text=name), keccak(text="1"), self.ghost.chain_id, contract],
        )
        digest = keccak(b"\x19\x01" + keccak(domain) + keccak(struct))
        return bytes(self.accounts[sender].unsafe_sign_hash(Hash32(digest)).signature)

    def consent(self, key: str, party: str, level: int, roles: int, name: bytes) -> bytes:
        """Let a key sign that it is to be bound so; what has no private key signs nothing."""
        if key not in self.accounts:
            return b""
        struct = encode(
            ["bytes32", "address", "uint8", "uint16", "bytes16"],
            [_CONSENT, party, level, roles, name],
        )
        signature = self.sign(key, "Yuanliu", self.contracts["Actors"].address, struct)
        self._consents[signature] = (key, party, level, roles, name)
        return signature

    def authorization(
        self, payer: str, order: tuple[int, str, Sequence[tuple[int, int, int]]]
    ) -> bytes:
        """Sign an ERC-3009 payment of demo yuan for an order."""
        w = self.world
        total = sum(amount for _, _, amount in order[2])
        kind = "(uint256,address,(uint256,uint64,uint128)[])"
        nonce = keccak(
            encode(["uint256", "address", kind], [self.ghost.chain_id, w.payments.address, order])
        )
        struct = encode(
            ["bytes32", "address", "address", "uint256", "uint256", "uint256", "bytes32"],
            [_AUTHORIZATION, payer, w.payments.address, total, 0, FOREVER, nonce],
        )
        return self.sign(payer, "Demo Yuan", w.yuan.address, struct)

    def permit(self, payer: str) -> bytes:
        """Sign an ERC-2612 approval of all demo yuan."""
        w = self.world
        nonce = int(w.ask(w.yuan, "nonces", payer))
        struct = encode(
            ["bytes32", "address", "address", "uint256", "uint256", "uint256"],
            [_PERMIT, payer, w.payments.address, 2**256 - 1, nonce, FOREVER],
        )
        return self.sign(payer, "Demo Yuan", w.yuan.address, struct)

    def wait(self, seconds: int) -> None:
        self._latest_known += seconds
        self.request("evm_setNextBlockTimestamp", self._latest_known)
        self.request("evm_mine")

    def reading(self, text: bytes) -> bytes:
        """The root over one sensor reading alone, which is its leaf."""
        anchored = members.reading_leaf(text)
        self._readings = {anchored: text}  # the last one is looked for in every batch
        return anchored

    def step(self, batch: int, index: int) -> tuple[Any, ...]:
        """A member with its proof, as a claim takes it."""
        chunk, place = divmod(index, members.CHUNK)
        listed = tuple(self.ghost.batches[batch].chunks[chunk])
        return (batch, index, *listed[place], proof(self.ghost.host, batch, chunk, listed, place))

    # ------------------------------------------------------------------ comparing

    def check(self, *, people: bool = True) -> None:
        """Read the whole state and compare it with the ghost's."""
        probes = [*self._probes_of_goods(), *self._probes_of_money()]
        if people:
            probes += self._probes_of_people()
        found = self._read([(to, data) for to, data, _, _ in probes])
        for (_, _, expected, name), value in zip(probes, found, strict=True):
            assert value == expected, f"{name}: the ghost has {expected}, the chain {value}"
        for batch in self.ghost.pools:
            remainder = self.ghost.carried(batch)
            assert 0 <= remainder <= self.ghost.batches[batch].members - 1

    def _probes_of_people(self) -> Iterator[tuple[str, str, str, str]]:
        g = self.ghost
        for address, a in g.actors.items():
            actor = (a.key, a.roles, a.suspended, a.enrolled_at, a.enroller, a.suspended_by, a.code)
            yield self._probe("Actors", "actorOf", (address,), (actor,))
            recovery = g.recoveries.get(address, (ZERO, 0))
            yield self._probe("Actors", "recoveryOf", (address,), (recovery,))
            yield self._probe("Actors", "payoutOf", (address,), (g.payout_of(address),))
            yield self._probe("Actors", "byCode", (a.enroller, a.code), (address,))
        for p in self.people:
            actor_, level = g.keys.get(p.address, (ZERO, 0))
            yield self._probe("Actors", "keyOf", (p.address,), (actor_, level))
            yield self._probe("Actors", "nonces", (p.address,), (g.nonces.get(p.address, 0),))
        for token, listed in g.listed.items():
            yield self._probe("Catalogue", "isListed", (token,), (listed,))
        for gtin, product in g.products.items():
            row = (product.cooperative, product.in_force, product.unit)
            yield self._probe("Catalogue", "productOf", (gtin,), (row,))
        for number, t in enumerate(g.terms, start=1):
            row_ = tuple(vars(t).values())
            yield self._probe("Catalogue", "termsOf", (number,), (row_[:-1], t.gtin))
        for coop in (self.world.coop.address, self.world.coop2.address):
            authority = g.authorities.get(coop, coop)
            yield self._probe("Catalogue", "termsAuthorityOf", (coop,), (authority,))

    def _probes_of_goods(self) -> Iterator[tuple[str, str, str, str]]:
        g = self.ghost
        for key, d in g.deliveries.items():
            delivery = (d.farmer, d.grams, d.grade, d.terms, d.status)
            yield self._probe("Deliveries", "deliveryOf", key, (delivery,))
        for number, b in g.batches.items():
            first = (b.head, b.cooperative, b.terms, b.flags, b.clear_at, b.farmer)
            rest = (b.price, b.weight, b.units, b.mass, b.grams, len(b.chunks), len(b.offers))
            row = (*first, *rest)
            yield self._probe("Batches", "batchOf", (number,), (row,))
            yield self._probe("Batches", "recalledBy", (number,), (b.recalled_by,))
            yield self._probe("Batches", "parentsOf", (number,), (tuple(b.parents),))
            if b.registered:
                yield self._probe("Batches", "refresh", (number,), (g.is_clear(number),))
                assert sum(b.held_by.values()) + b.burnt == b.units
                assert b.units * b.mass == b.milligrams
            for chunk, listed in enumerate(b.chunks):
                pool = (b.weight, root(g.host, number, chunk, tuple(listed)))
                yield self._probe("Batches", "poolOf", (number, chunk), pool)
            for i, o in enumerate(b.offers, start=1):
                yield self._probe(
                    "Batches", "offerOf", (number, i), ((o.sender, o.units, o.receiver),)
                )
            for anchored, reading in self._readings.items():
                found = (number, anchored, reading, ())
                yield self._probe("Batches", "isReading", found, (anchored in b.readings,))
            for holder, units in b.held_by.items():
                yield self._probe("Batches", "balanceOf", (holder, number), (units,))

    def _probes_of_money(self) -> Iterator[tuple[str, str, str, str]]:
        g = self.ghost
        for number, b in g.batches.items():
            known = g.pools.get(number)
            pool = (g.token_of(b), known.received) if known and known.opened else (ZERO, 0)
            yield self._probe("Payments", "poolOf", (number,), (pool,))
            for index in g.indices(number):
                yield self._probe(
                    "Payments", "dueOf", (self.step(number, index),), (g.due(number, index),)
                )
        for (token, owner), amount in g.credits.items():
            yield self._probe("Payments", "creditOf", (token, owner), (amount,))
        for order in g.orders:
            yield self._probe("Payments", "isPaid", order, (True,))
        for address, token_ in g.tokens.items():
            for holder, amount in token_.balances.items():
                call = calldata(self.contracts["Token"], "balanceOf", (holder,))
                name = f"{token_.name}.balanceOf({holder})"
                yield address, call, "0x" + amount.to_bytes(32).hex(), name
            owed = g.owed(address) + g.donated[address]
            assert token_.balances[g.bank] == owed, (
                f"{token_.name}: has {token_.balances[g.bank]}, owes {owed}"
            )

    def _probe(
        self, contract: str, function: str, arguments: tuple[Any, ...], expected: tuple[Any, ...]
    ) -> tuple[str, str, str, str]:
        c = self.contracts[contract]
        data = calldata(c, function, arguments)
        return c.address, data, answer(c, function, expected), f"{contract}.{function}{arguments}"

    def _check_records(self, receipt: dict[str, Any], expected: list[tuple[int, bytes]]) -> None:
        """Assert that the logs hold these records and no other."""
        batches = self.contracts["Batches"]
        topic = "0x" + batches.topic("Recorded").hex()
        found = []
        for raw in receipt["logs"]:
            if raw["topics"][0] == topic:
                data = bytes.fromhex(raw["data"][2:])
                length = int.from_bytes(data[64:96])
                found.append((int(raw["topics"][1], 16), data[96 : 96 + length]))
        assert found == expected
        self.kinds.update(Kind(record[1]) for _, record in found)

    # ------------------------------------------------------------------ the wire

    def request(self, method: str, *params: object) -> Any:  # noqa: ANN401 -- any shape
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
        answered = self._post(body)
        if "error" in answered:
            error = answered["error"]
            raise RpcError(method, error["message"], error["code"], error.get("data"))
        return answered["result"]

    def _read(self, calls: Sequence[tuple[str, str]]) -> list[str]:
        lines = [
            f'{{"jsonrpc":"2.0","id":{i},"method":"eth_call","params":[{{"to":"{to}","data":"{data}"}},"latest"]}}'
            for i, (to, data) in enumerate(calls)
        ]
        found = ["" for _ in calls]
        for one in self._post(f"[{','.join(lines)}]"):
            found[one["id"]] = one.get("result") or str(one["error"])
        return found

    def _post(self, body: str) -> Any:  # noqa: ANN401 -- any shape
        self._http.request("POST", "/", body, {"Content-Type": "application/json"})
        return json.loads(self._http.getresponse().read())

    def _latest(self) -> int:
        self._latest_known = int(
            self.request("eth_getBlockByNumber", "latest", False)["timestamp"], 16
        )
        return self._latest_known

    def _expect_refusal(self, sender: str, to: str, data: bytes, name: str, function: str) -> None:
        why = self._why(sender, to, data)
        assert name in {why, ANY_REVERT}, f"{function} should be refused as {name}, but: {why}"
        assert why != "done", f"{function} should be refused"

    def _why(self, sender: str, to: str, data: bytes) -> str:
        transaction = {"from": sender, "to": to, "data": "0x" + data.hex(), "gas": GAS}
        try:
            self.request("eth_call", transaction, "latest")
        except RpcError as error:
            reason = refusal(error)
            return reason.name if isinstance(reason, ContractRefusal) else str(reason)
        return "done"


@lru_cache(maxsize=100_000)
def calldata(contract: Contract, function: str, arguments: tuple[Any, ...]) -> str:
    return "0x" + contract.call(function, *arguments).data.hex()


@lru_cache(maxsize=100_000)
def answer(contract: Contract, function: str, values: tuple[Any, ...]) -> str:
    types = _types(contract._functions[function]["outputs"])
    return "0x" + encode(types, values).hex()


@lru_cache(maxsize=10_000)
def tree(
    host: str, batch: int, chunk: int, listed: tuple[tuple[int, int], ...]
) -> tuple[bytes, ...]:
    """The leaves of a chunk."""
    words = [
        members.Member("0x" + m.to_bytes(20).hex() if m < 1 << 160 else m.to_bytes(32), weight)
        for m, weight in listed
    ]
    return members.chunk_leaves(host, batch.to_bytes(32), chunk, words)


@lru_cache(maxsize=100_000)
def proof(
    host: str, batch: int, chunk: int, listed: tuple[tuple[int, int], ...], place: int
) -> tuple[bytes, ...]:
    return members.proof(tree(host, batch, chunk, listed), place)


@lru_cache(maxsize=10_000)
def root(host: str, batch: int, chunk: int, listed: tuple[tuple[int, int], ...]) -> bytes:
    return members.root(tree(host, batch, chunk, listed))


def with_check_digit(body: int) -> int:
    digits = [int(d) for d in reversed(str(body))]
    return body * 10 + -sum(d * (1 if i % 2 else 3) for i, d in enumerate(digits)) % 10


@cache
def snake(name: str) -> str:
    return "".join("_" + c.lower() if c.isupper() else c for c in name)


def _function(name: str, *inputs: str) -> dict[str, Any]:
    fields = [{"name": f"a{i}", "type": kind} for i, kind in enumerate(inputs)]
    return {"type": "function", "name": name, "inputs": fields, "outputs": []}


_TOKEN_ABI: Final = [
    _function("mint", "address", "uint256"),
    _function("approve", "address", "uint256"),
]
_REENTERER_ABI: Final = [_function("prepare", "address", "bytes", "bool")]
