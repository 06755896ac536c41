"""What may be traded and what was delivered: tokens, products, terms, deliveries, from their logs."""

from collections.abc import Sequence
from typing import Final

from yuanliu import money
from yuanliu.audit.facts import (
    BOOKED,
    COOPERATIVE,
    ENTERED,
    FARMER,
    NOBODY,
    PLATFORM,
    VOIDED,
    Delivery,
    Product,
    Purse,
    Terms,
)
from yuanliu.audit.rules import Rule
from yuanliu.audit.scene import Scene, both, roles_text, say
from yuanliu.chain.words import address, address_at, bytes_at, number, number_at, word, word_at
from yuanliu.errors import YuanliuError

MAX_GRADE: Final = 20_000
MAX_REASON: Final = 512
_STATUS: Final = {BOOKED: "booked", ENTERED: "entered", VOIDED: "voided"}
_WORD: Final = 32
_TERMS_WORDS: Final = 7
_GTIN_LIMIT: Final = 10**14


class Trade:
    """Replays the logs of `Catalogue` and `Deliveries`."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self.entered: list[tuple[bytes, int, bytes]] = []
        """(cooperative, receipt, batch) of the deliveries that were entered and stand in no record yet."""
        self.readers = {
            "TokenListed": self._token,
            "ProductListed": self._product,
            "TermsPublished": self._terms,
            "TermsAuthorityChanged": self._authority,
            "DeliveryBooked": self._booked,
            "DeliveryVoided": self._voided,
            "DeliveryEntered": self._entered,
        }

    # ------------------------------------------------------------------ catalogue

    def _token(self, topics: Sequence[str], data: bytes) -> None:
        token, by = address(topics[1]), address(topics[2])
        self._scene.act(by, PLATFORM)
        self._scene.tell("token", by, token + data[_WORD - 1 : _WORD])
        self._scene.tokens.put(token, bool(number_at(data, 0, 1)))
        if self._scene.purses.get(token) is None:
            self._scene.purses.put(token, Purse())

    def _product(self, topics: Sequence[str], data: bytes) -> None:
        scene = self._scene
        key, cooperative, by = word(topics[1])[24:], address(topics[2]), address_at(data, 1)
        scene.act(by, PLATFORM)
        scene.tell("product", by, key + cooperative + word_at(data, 0)[:3])
        if scene.products.get(key) is not None:
            scene.wrong(Rule.CATALOGUE, "a new product", "one that is listed", what=_gtin(key))
        owner = scene.actors.get(cooperative)
        if owner is None or not owner.roles & COOPERATIVE:
            scene.wrong(
                Rule.CATALOGUE, "a cooperative", cooperative, what=_gtin(key), actor=cooperative
            )
        if not _is_gtin(int.from_bytes(key)):
            scene.wrong(Rule.CATALOGUE, "a right check digit", _gtin(key), what="GTIN")
        scene.products.put(key, Product(cooperative, word_at(data, 0)[:3]))

    def _authority(self, topics: Sequence[str], data: bytes) -> None:
        scene = self._scene
        cooperative, authority, by = address(topics[1]), address(topics[2]), address_at(data, 0)
        self._by_authority(cooperative, by)
        scene.tell("terms authority", by, cooperative + authority)
        if authority == NOBODY:
            scene.wrong(Rule.CATALOGUE, "an authority", authority, actor=cooperative)
        scene.authorities.put(cooperative, authority)

    def _by_authority(self, cooperative: bytes, by: bytes) -> None:
        scene = self._scene
        authority = scene.authorities.get(cooperative) or cooperative
        scene.act(by, 0, owner=True)
        if by != authority:
            scene.wrong(
                Rule.AUTHOR_ROLE, f"the terms' authority {say(authority)}", by, actor=cooperative
            )

    def _terms(self, topics: Sequence[str], data: bytes) -> None:
        scene = self._scene
        key, product_key, cooperative = (
            word(topics[1])[28:],
            word(topics[2])[24:],
            address(topics[3]),
        )
        terms = Terms(
            token=address_at(data, 0),
            farmer_bps=number_at(data, 1, 16),
            cooperative_bps=number_at(data, 2, 16),
            platform_bps=number_at(data, 3, 16),
            cooperative_payee=address_at(data, 4),
            floor=number_at(data, 5, 96),
            platform_payee=address_at(data, 6),
            gtin=int.from_bytes(product_key),
            cooperative=cooperative,
        )
        self._by_authority(cooperative, address_at(data, 7))
        scene.tell("terms", address_at(data, 7), product_key + data[: _TERMS_WORDS * _WORD])
        self._check_terms(terms, int.from_bytes(key))
        product = scene.products.get(product_key)
        if product is None or product.cooperative != cooperative:
            found = "none" if product is None else product.cooperative
            scene.wrong(
                Rule.TERMS_INVALID,
                f"a product of {say(cooperative)}",
                found,
                what=_gtin(product_key),
            )
        else:
            product.in_force = int.from_bytes(key)
            scene.products.put(product_key, product)
        scene.terms.put(key, terms)

    def _check_terms(self, terms: Terms, number_: int) -> None:
        scene = self._scene
        what = f"terms {number_}"
        if number_ != (expected := scene.count("terms")):
            scene.wrong(
                Rule.TERMS_INVALID, f"number {expected}", number_, what=what, token=terms.token
            )
            scene.count("terms", number_ - expected)
        try:
            money.Ratios(terms.farmer_bps, terms.cooperative_bps, terms.platform_bps)
        except YuanliuError as error:
            scene.wrong(Rule.TERMS_INVALID, error.hint, error.message, what=what, token=terms.token)
        payees = {terms.cooperative_payee, terms.platform_payee}
        if NOBODY in payees or len(payees) == 1:
            scene.wrong(
                Rule.TERMS_INVALID,
                "two different payees",
                say(terms.platform_payee),
                what=what,
                token=terms.token,
            )
        if not scene.tokens.get(terms.token):
            scene.wrong(
                Rule.TERMS_INVALID, "a listed token", terms.token, what=what, token=terms.token
            )

    # ------------------------------------------------------------------ deliveries

    def _booked(self, topics: Sequence[str], data: bytes) -> None:
        scene = self._scene
        cooperative, receipt, farmer = (
            address(topics[1]),
            number(word(topics[2]), 64),
            address(topics[3]),
        )
        product_key = word_at(data, 0)[24:]
        grams, grade = number_at(data, 1, 40), number_at(data, 2, 16)
        terms_number, signer = number_at(data, 4, 32), address_at(data, 5)
        scene.author(cooperative, signer, COOPERATIVE)
        said = (word(topics[2])[24:], farmer, product_key, data[59:64], data[94:96], data[116:128])
        scene.tell("delivery", signer, b"".join(said))
        key, what = both(cooperative, receipt, 8), f"receipt {receipt}"
        if receipt == 0 or scene.deliveries.get(key) is not None:
            self._wrong("a new receipt", receipt, cooperative, what)
        if grams == 0 or not 1 <= grade <= MAX_GRADE:
            self._wrong(
                f"grams, and a grade of 1 to {MAX_GRADE}", f"{grams} g, {grade}", cooperative, what
            )
        who = scene.actors.get(farmer)
        if who is None or who.enroller != cooperative or not who.roles & FARMER:
            found = roles_text(who.roles) if who else "nobody"
            self._wrong("a farmer of the cooperative", f"{say(farmer)}: {found}", cooperative, what)
        elif who.suspended:
            self._wrong("a farmer who is not suspended", farmer, cooperative, what)
        product = scene.products.get(product_key)
        if product is None or product.cooperative != cooperative:
            self._wrong("a product of the cooperative", _gtin(product_key), cooperative, what)
        elif product.in_force != terms_number or not terms_number:
            scene.wrong(
                Rule.TERMS_NOT_IN_FORCE,
                product.in_force,
                terms_number,
                what=what,
                actor=cooperative,
            )
        terms = scene.terms_of(terms_number)
        if terms and farmer in {terms.cooperative_payee, terms.platform_payee}:
            self._wrong("a farmer who is no payee", farmer, cooperative, what)
        scene.deliveries.put(key, Delivery(farmer, grams, grade, terms_number))
        scene.count("deliveries")

    def _wrong(self, expected: object, found: object, cooperative: bytes, what: str) -> None:
        self._scene.wrong(Rule.DELIVERY_INVALID, expected, found, what=what, actor=cooperative)

    def _voided(self, topics: Sequence[str], data: bytes) -> None:
        scene = self._scene
        cooperative, receipt = address(topics[1]), number(word(topics[2]), 64)
        reason, signer = bytes_at(data, 0), address_at(data, 1)
        scene.author(cooperative, signer, COOPERATIVE)
        scene.tell("delivery voided", signer, word(topics[2])[24:] + reason)
        if not 1 <= len(reason) <= MAX_REASON:
            self._wrong(
                f"a reason of 1 to {MAX_REASON} bytes",
                len(reason),
                cooperative,
                f"receipt {receipt}",
            )
        self._use(cooperative, receipt, VOIDED, b"")

    def _entered(self, topics: Sequence[str], _data: bytes) -> None:
        cooperative, receipt = address(topics[1]), number(word(topics[2]), 64)
        self.entered.append((cooperative, receipt, word(topics[3])))

    def _use(self, cooperative: bytes, receipt: int, status: int, batch: bytes) -> Delivery | None:
        scene = self._scene
        key = both(cooperative, receipt, 8)
        delivery = scene.deliveries.get(key)
        if delivery is None or delivery.status != BOOKED:
            found = "never booked" if delivery is None else _STATUS[delivery.status]
            scene.wrong(
                Rule.DELIVERY_NOT_FREE,
                "booked",
                found,
                what=f"receipt {receipt}",
                batch=batch,
                actor=cooperative,
            )
        if delivery is not None:
            delivery.status = status
            scene.deliveries.put(key, delivery)
        return delivery

    def enter(
        self, batch: bytes, cooperative: bytes, entries: Sequence[tuple[int, bytes, int, int]]
    ) -> list[tuple[int, Delivery]]:
        """Enter deliveries as a record lists them: (receipt, farmer, grams, grade). Gives those that are known."""
        scene = self._scene
        logged = [
            receipt
            for owner, receipt, into in self.entered
            if (owner, into) == (cooperative, batch)
        ]
        listed = [receipt for receipt, _, _, _ in entries]
        if logged != listed or len(logged) != len(self.entered):
            scene.wrong(
                Rule.DELIVERY_ENTRY,
                f"receipts {_few([receipt for _, receipt, _ in self.entered])}",
                f"receipts {_few(listed)}",
                batch=batch,
                actor=cooperative,
            )
        self.entered.clear()
        found = []
        for receipt, farmer, grams, grade in entries:
            delivery = self._use(cooperative, receipt, ENTERED, batch)
            if delivery is None:
                continue
            booked = (delivery.farmer, delivery.grams, delivery.grade_bps)
            if booked != (farmer, grams, grade):
                scene.wrong(
                    Rule.DELIVERY_ENTRY,
                    f"{say(booked[0])} {booked[1]} g {booked[2]}",
                    f"{say(farmer)} {grams} g {grade}",
                    what=f"receipt {receipt}",
                    batch=batch,
                    actor=cooperative,
                )
            found.append((receipt, delivery))
        return found

    def end(self) -> None:
        """Name what was entered and stands in no record of the transaction."""
        for cooperative, receipt, batch in self.entered:
            self._scene.wrong(
                Rule.DELIVERY_ENTRY,
                "a record of the batch",
                "none",
                what=f"receipt {receipt}",
                batch=batch,
                actor=cooperative,
            )
        self.entered.clear()


def _gtin(key: bytes) -> str:
    return f"{int.from_bytes(key):014d}"


def _is_gtin(number_: int) -> bool:
    digits = [int(digit) for digit in f"{number_:014d}"]
    return (
        0 < number_ < _GTIN_LIMIT and sum(d * (3, 1)[i % 2] for i, d in enumerate(digits)) % 10 == 0
    )


def _few(items: Sequence[int]) -> str:
    shown = ", ".join(map(str, items[:5]))
    return f"{shown} … ({len(items)})" if len(items) > 5 else shown or "none"  # noqa: PLR2004 -- to read
