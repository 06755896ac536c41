"""Farmers with cards and phones, and what they need to earn something: deliveries, lots, sales."""

import itertools
import re
from datetime import UTC, datetime, timedelta
from typing import Final

from httpx import Client, Response
from tests.web.house import EGGS, House, caller

from yuanliu import money

PIN: Final = "482915"
_numbers = itertools.count(1)
_phones: list[Client] = []


def hang_up() -> None:
    """Close every phone."""
    while _phones:
        _phones.pop().close()


class Card:
    """A farmer, his card, and his phone. Nothing is done before it is asked for."""

    def __init__(self, home: House, code: str = "") -> None:
        number = next(_numbers)
        self.home = home
        self.code = code or f"K-{number:04d}"
        body = {"login": f"card-{number}", "kind": "farmer", "code": self.code}
        self.address: str = home.done("clerk", "accounts", body)["account"]["party"]
        given = home.post("clerk", f"farmers/{self.address}/pin")
        assert given.status_code == 201, given.text
        self.pin, self.path = given.json()["one_time_pin"], given.json()["page"]
        self.phone = caller(home.url)
        _phones.append(self.phone)

    def do(self, what: str, **fields: str) -> Response:
        return self.phone.post(self.path, data={"do": what, **fields})

    @property
    def csrf(self) -> str:
        found = re.search(r'name="csrf" value="([^"]+)"', self.phone.get(self.path).text)
        assert found
        return found[1]

    def get_in(self) -> "Card":
        """Open the page, and choose a PIN."""
        assert self.do("open", pin=self.pin).status_code == 303
        answer = self.do("change", csrf=self.csrf, pin=self.pin, new=PIN, again=PIN)
        assert answer.status_code == 303, answer.text
        return self

    @property
    def owed(self) -> int:
        """What his page says is ready for him, in fen."""
        found = re.search(r'class="big">¥([\d,.]+)<', self.phone.get(self.path).text)
        assert found
        return money.parse_yuan(found[1].replace(",", ""))

    def balance(self) -> int:
        return int(self.home.deployment.demo_yuan.read(self.home.node, "balanceOf", self.address))


def deliver(home: House, farmer: str, grams: int, grade: int = 10_000) -> int:
    receipt = 4_000_000 + next(_numbers)
    booking = {"receipt": receipt, "farmer": farmer, "gtin": EGGS, "grams": grams,
               "grade_bps": grade, "price_per_kg": {"yuan": "24.00"}}  # fmt: skip
    home.done("clerk", "deliveries", {"deliveries": [booking]})
    return receipt


def lot_of(home: House, receipts: list[int], units: int) -> str:
    when = (datetime.now(UTC) - timedelta(hours=6)).isoformat(timespec="seconds")
    body = {
        "gtin": EGGS,
        "lot": f"F{next(_numbers):05d}",
        "units": units,
        "milligrams_per_unit": 50_000,
        "price": {"fen": 300},
        "receipts": receipts,
        "harvest": {"time": when, "place": "henhouse-07", "harvested_on": "2026-04-12"},
    }
    return str(home.done("clerk", "batches", body)["result"]["batch"])


def sell(home: House, batch: str, units: int) -> None:
    home.mint(home.address("buyer"), 300 * units)
    home.done("buyer", "payments", {"lines": [{"batch": batch, "units": units}]})
