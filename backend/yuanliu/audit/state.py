"""Whether the chain's state is what its history says: every batch, pool, member, holder, actor and credit."""

from collections.abc import Iterator
from itertools import chain
from typing import Final

from yuanliu import members
from yuanliu.audit.asking import AT_ONCE, Encoder, Probe, State, left
from yuanliu.audit.facts import NOBODY, Batch
from yuanliu.audit.rules import Rule
from yuanliu.audit.scene import Scene, both, say
from yuanliu.chain.deployment import Deployment
from yuanliu.chain.published import GETTERS, code_differs, terms_address
from yuanliu.hexes import address_bytes
from yuanliu.members import CHUNK, Member

_CODED: Final = (*GETTERS, "P256Verifier", "WebAuthnVerifier")
_OWN_NOTHING: Final = ("Actors", "Catalogue", "Deliveries", "Batches", "Payments")
_PART: Final = 100


class Comparison:
    """Compares the state with what was learnt from the history."""

    def __init__(self, scene: Scene, deployment: Deployment, state: State) -> None:
        self._scene = scene
        self._deployment = deployment
        self._state = state
        self._actors = deployment.actors
        self._batches = deployment.batches
        self._payments = deployment.payments

    # ------------------------------------------------------------------ code

    def code(self) -> bool:
        """Check the contracts' code. Gives whether it is the published one: only then can the state be asked."""
        state, scene = self._state, self._scene
        known = [name for name in _CODED if name in self._deployment.contracts]
        addresses = [self._deployment.contract(name).address for name in known]
        codes = state.answers([("eth_getCode", [address, state.tag]) for address in addresses])
        others = self._knowing_others()
        sound = True
        for name, address, code in zip(known, addresses, codes, strict=True):
            differs = code_differs(self._deployment, name, bytes.fromhex((code or "0x")[2:]))
            differs = differs or others.get(name, "")
            if differs:
                sound = False
                scene.wrong(
                    Rule.CODE,
                    "the code of the artifacts",
                    differs,
                    what=f"{name} {address}",
                    transaction="",
                )
        owned = state.answers(
            [
                ("eth_getBalance", [self._deployment.contract(name).address, state.tag])
                for name in _OWN_NOTHING
            ]
        )
        for name, amount in zip(_OWN_NOTHING, owned, strict=True):
            if int(amount or "0x0", 16):
                scene.wrong(
                    Rule.OWNS_NATIVE,
                    0,
                    f"{int(amount or '0x0', 16)} wei",
                    what=name,
                    transaction="",
                )
        return sound

    def _knowing_others(self) -> dict[str, str]:
        """Tell which contract knows another by an address that is not its own."""
        asked = [
            (name, getter, known)
            for name, getters in GETTERS.items()
            for getter, known in getters.items()
        ]
        calls = []
        for name, getter, _ in asked:
            contract = self._deployment.contract(name)
            calls.append(
                self._state.call(address_bytes(contract.address), contract.selector(getter))
            )
        found = {}
        for (name, getter, known), answer in zip(asked, self._state.answers(calls), strict=True):
            right = address_bytes(self._deployment.contract(known).address)
            if answer != "0x" + right.rjust(32, b"\0").hex():
                found[name] = f"{getter} is not {known}"
        return found

    def terms(self) -> int:
        """Check that published terms stand on chain as they were published. Gives how many."""
        state, scene, count = self._state, self._scene, 0
        catalogue = address_bytes(self._deployment.catalogue.address)
        listed = list(scene.terms.items())
        for start in range(0, len(listed), AT_ONCE):
            part = listed[start : start + AT_ONCE]
            found = state.answers(
                [
                    ("eth_getCode", [say(terms_address(catalogue, int.from_bytes(key))), state.tag])
                    for key, _ in part
                ]
            )
            for (key, terms), code in zip(part, found, strict=True):
                count += 1
                right = b"".join(
                    (
                        b"\0",
                        terms.token,
                        *(
                            bps.to_bytes(2)
                            for bps in (terms.farmer_bps, terms.cooperative_bps, terms.platform_bps)
                        ),
                        terms.cooperative_payee,
                        terms.floor.to_bytes(12),
                        terms.platform_payee,
                        terms.gtin.to_bytes(8),
                    )
                )
                if code != "0x" + right.hex():
                    scene.wrong(
                        Rule.TERMS_CODE,
                        right,
                        code or "no code",
                        what=f"terms {int.from_bytes(key)}",
                        token=terms.token,
                        transaction="",
                    )
        return count

    # ------------------------------------------------------------------ everything else

    def all(self) -> int:
        """Check the state. Gives how many questions were asked. Raises `StateGone`."""
        state, scene = self._state, self._scene
        count = self.terms()
        for probes in (
            self._of_batches(),
            self._of_pools(),
            self._of_offers(),
            self._of_actors(),
            self._of_catalogue(),
            self._of_deliveries(),
            self._of_credits(),
        ):
            count += state.check(scene, probes)
        count += self._holdings()
        return count + self._purses()

    def _of_batches(self) -> Iterator[Probe]:
        batch_of = Encoder(self._batches, "batchOf")
        recalled_by = Encoder(self._batches, "recalledBy")
        pool_of = Encoder(self._payments, "poolOf")
        for id_, batch in self._scene.batches.items():
            yield Probe(Rule.STATE_BATCH, batch_of.to, batch_of(id_), _of_batch(batch), batch=id_)
            yield Probe(
                Rule.STATE_BATCH,
                recalled_by.to,
                recalled_by(id_),
                (("recalledBy", batch.recalled_by),),
                batch=id_,
            )
            terms = self._scene.terms_of(batch.terms)
            token = terms.token if terms and batch.opened else NOBODY
            expected = (("token", token), ("received", batch.received))
            yield Probe(
                Rule.POOL_RECEIPTS, pool_of.to, pool_of(id_), expected, batch=id_, token=token
            )

    def _of_pools(self) -> Iterator[Probe]:
        """Each chunk's root, and each member's due."""
        scene, host = self._scene, "0x" + self._scene.batches_address.hex()
        pool_of, due_of = Encoder(self._batches, "poolOf"), Encoder(self._payments, "dueOf")
        for key, listed in scene.chunks.items():
            id_, chunk = key[:32], int.from_bytes(key[32:])
            batch = scene.batches.get(id_)
            if batch is None or not listed:
                continue
            named = [Member(say(m) if len(m) == 20 else m, weight) for m, weight in listed]  # noqa: PLR2004
            leaves = members.chunk_leaves(host, id_, chunk, named)
            expected = (
                ("total weight", batch.weight),
                (f"root of chunk {chunk}", members.root(leaves)),
            )
            yield Probe(Rule.POOL_MEMBERS, pool_of.to, pool_of(id_, chunk), expected, batch=id_)
            if not batch.received or batch.farmer:
                continue
            settled = scene.settled.get(both(id_, chunk, 4)) or 0
            terms = scene.terms_of(batch.terms)
            proofs = members.proofs(leaves)
            for place, (member, weight) in enumerate(listed):
                index = chunk * CHUNK + place
                before = max(scene.claimed.get(both(id_, index, 8)) or 0, settled)
                due = (
                    batch.received * weight // batch.weight - before * weight // batch.weight
                    if batch.weight
                    else 0
                )
                words: tuple[int | bytes, ...] = (
                    32,
                    id_,
                    index,
                    member,
                    weight,
                    160,
                    len(proofs[place]),
                    *proofs[place],
                )
                yield Probe(
                    Rule.STATE_DUE,
                    due_of.to,
                    due_of(*words),
                    (("due", due),),
                    what=f"member {index}",
                    batch=id_,
                    token=terms.token if terms else b"",
                )

    def _of_offers(self) -> Iterator[Probe]:
        offer_of = Encoder(self._batches, "offerOf")
        for key, offer in self._scene.offers.items():
            id_, number = key[:32], int.from_bytes(key[32:])
            yield Probe(
                Rule.STATE_OFFER,
                offer_of.to,
                offer_of(id_, number),
                (("from", offer.sender), ("units", offer.units), ("to", offer.receiver)),
                what=f"offer {number}",
                batch=id_,
            )

    def _of_actors(self) -> Iterator[Probe]:
        scene = self._scene
        actor_of, key_of = Encoder(self._actors, "actorOf"), Encoder(self._actors, "keyOf")
        payout_of, recovery_of = (
            Encoder(self._actors, "payoutOf"),
            Encoder(self._actors, "recoveryOf"),
        )
        nonces = Encoder(self._actors, "nonces")
        for address, actor in scene.actors.items():
            row = (
                ("key", actor.key),
                ("roles", actor.roles),
                ("suspended", int(actor.suspended)),
                ("enrolledAt", actor.enrolled_at),
                ("enroller", actor.enroller),
                ("suspendedBy", actor.suspended_by),
                ("code", left(actor.code)),
            )
            rule = Rule.STATE_ACTOR
            yield Probe(rule, actor_of.to, actor_of(address), row, actor=address)
            payout = (("payout", actor.payout or address),)
            yield Probe(rule, payout_of.to, payout_of(address), payout, actor=address)
            recovery = (("recovery", actor.recovery), ("readyAt", actor.recovery_at))
            yield Probe(rule, recovery_of.to, recovery_of(address), recovery, actor=address)
        for address, key in scene.keys.items():
            known = (("actor", key.actor), ("level", key.level))
            yield Probe(
                Rule.STATE_KEY,
                key_of.to,
                key_of(address),
                known,
                what=say(address),
                actor=key.actor,
            )
        strangers = (signer for signer, _ in scene.nonces.items() if not scene.keys.get(signer))
        for signer in chain((address for address, _ in scene.keys.items()), strangers):
            number = (("next number", scene.nonces.get(signer) or 0),)
            yield Probe(Rule.RELAY, nonces.to, nonces(signer), number, actor=signer)

    def _of_catalogue(self) -> Iterator[Probe]:
        scene, catalogue = self._scene, self._deployment.catalogue
        listed, product_of = Encoder(catalogue, "isListed"), Encoder(catalogue, "productOf")
        authority_of, rule = Encoder(catalogue, "termsAuthorityOf"), Rule.STATE_CATALOGUE
        for token, is_listed in scene.tokens.items():
            expected = (("listed", int(is_listed)),)
            yield Probe(rule, listed.to, listed(token), expected, what=say(token), token=token)
        for key, product in scene.products.items():
            row = (
                ("cooperative", product.cooperative),
                ("inForce", product.in_force),
                ("unit", left(product.unit)),
            )
            what = f"{int.from_bytes(key):014d}"
            yield Probe(
                rule, product_of.to, product_of(key), row, what=what, actor=product.cooperative
            )
        for cooperative, authority in scene.authorities.items():
            expected_ = (("authority", authority),)
            yield Probe(
                rule, authority_of.to, authority_of(cooperative), expected_, actor=cooperative
            )

    def _of_deliveries(self) -> Iterator[Probe]:
        delivery_of = Encoder(self._deployment.deliveries, "deliveryOf")
        for key, delivery in self._scene.deliveries.items():
            cooperative, receipt = key[:20], int.from_bytes(key[20:])
            row = (
                ("farmer", delivery.farmer),
                ("grams", delivery.grams),
                ("grade", delivery.grade_bps),
                ("terms", delivery.terms),
                ("status", delivery.status),
            )
            yield Probe(
                Rule.STATE_DELIVERY,
                delivery_of.to,
                delivery_of(cooperative, receipt),
                row,
                what=f"receipt {receipt}",
                actor=cooperative,
            )

    def _of_credits(self) -> Iterator[Probe]:
        credit_of = Encoder(self._payments, "creditOf")
        for key, amount in self._scene.credits.items():
            token, owner = key[:20], key[20:]
            yield Probe(
                Rule.STATE_CREDIT,
                credit_of.to,
                credit_of(token, owner),
                (("credit", amount),),
                what=say(owner),
                actor=owner,
                token=token,
            )

    # ------------------------------------------------------------------ many at once

    def _holdings(self) -> int:
        """Compare who holds what, a hundred holders in a question."""
        balances = Encoder(self._batches, "balanceOfBatch")
        count = 0
        part: list[tuple[bytes, int]] = []
        for item in self._scene.holdings.items():
            part.append(item)
            if len(part) == _PART * AT_ONCE // 10:
                count += self._held(balances, part)
                part = []
        return count + self._held(balances, part)

    def _held(self, balances: Encoder, items: list[tuple[bytes, int]]) -> int:
        groups = [items[at : at + _PART] for at in range(0, len(items), _PART)]
        calls = []
        for group in groups:
            count = len(group)
            holders = [key[32:] for key, _ in group]
            ids = [key[:32] for key, _ in group]
            words: tuple[int | bytes, ...] = (
                64,
                64 + 32 * (count + 1),
                count,
                *holders,
                count,
                *ids,
            )
            calls.append(self._state.call(balances.to, balances(*words)))
        for group, answer in zip(groups, self._state.answers(calls), strict=True):
            found = bytes.fromhex((answer or "0x")[2:])[64:]
            for place, (key, units) in enumerate(group):
                word = found[32 * place : 32 * place + 32]
                if word != units.to_bytes(32):
                    self._scene.wrong(
                        Rule.STATE_UNITS,
                        units,
                        int.from_bytes(word) if word else "no answer",
                        what=say(key[32:]),
                        batch=key[:32],
                        transaction="",
                    )
        return len(items)

    def _purses(self) -> int:
        """Compare the tokens that the payments' contract has with what came, went and is owed."""
        scene, count = self._scene, 0
        selector = bytes.fromhex("70a08231")  # balanceOf(address)
        data = selector + self._scene.payments_address.rjust(32, b"\0")
        for token, purse in scene.purses.items():
            if scene.tokens.get(token) is None:
                continue  # somebody's gift of something that was never listed
            count += 1
            right = purse.came - purse.went
            answer = self._state.answers([self._state.call(token, data)])[0]
            found = int(answer, 16) if answer and answer != "0x" else 0
            if found != right:
                scene.wrong(Rule.TOKEN_BALANCE, right, found, token=token, transaction="")
            elif right != purse.owed + purse.gifts:
                scene.wrong(
                    Rule.MONEY_CONSERVED,
                    f"{purse.owed} + {purse.gifts} given",
                    right,
                    token=token,
                    transaction="",
                )
        return count


def _of_batch(batch: Batch) -> tuple[tuple[str, int | bytes | None], ...]:
    """Give what `batchOf` must answer. `clearAt` is what somebody looked up, and says nothing."""
    return (
        ("head", batch.head if batch.records else bytes(32)),
        ("cooperative", batch.cooperative),
        ("terms", batch.terms),
        ("flags", batch.flags),
        ("clearAt", None),
        ("farmer", batch.farmer or NOBODY),
        ("price", batch.price),
        ("totalWeight", batch.weight),
        ("units", batch.units),
        ("massPerUnit", batch.mass),
        ("grams", batch.grams),
        ("chunks", batch.chunks),
        ("offers", batch.offers),
    )
