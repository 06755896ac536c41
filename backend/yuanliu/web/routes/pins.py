"""PINs of farmers' cards, given out by their cooperative."""

from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import Field

from yuanliu.actions import Role
from yuanliu.desk.access import Scope
from yuanliu.errors import YuanliuError
from yuanliu.index import queries as q
from yuanliu.index.queries import cards
from yuanliu.web.acting import Acts
from yuanliu.web.problems import documented
from yuanliu.web.routes.people import known
from yuanliu.web.services import Copy
from yuanliu.web.shapes import Address, Output

router = APIRouter(tags=["accounts"], responses=documented(400, 401, 403, 422, 503))


class PinView(Output):
    """A one-time PIN, shown this once; the farmer chooses his own when he first opens his page."""

    farmer: str
    code: str
    page: str = Field(description="The path of the farmer's page, which stands on his card.")
    one_time_pin: str = Field(examples=["482915"])


@router.post("/farmers/{farmer}/pin", status_code=201, responses=documented(404))
def give_pin(
    farmer: Annotated[Address, Path(description="The farmer's address.")], acts: Acts, db: Copy
) -> PinView:
    """Give a farmer of one's own cooperative a new one-time PIN. The old one stops working, open pages close."""
    acts.signed_in.require(Scope.ACCOUNTS)
    found = known(db, farmer)
    if not found.roles & Role.FARMER:
        raise YuanliuError(
            "pin.not_a_farmer",
            f"{farmer} is enrolled, but not as a farmer",
            hint="take the address from the list of farmers",
            fields={"farmer": farmer},
        )
    _require_own(acts.party, found)
    pin = acts.wired.pins.issue(found.address, by=acts.party)
    return PinView(
        farmer=found.address, code=found.code, page=cards.card_path(db, found), one_time_pin=pin
    )


def _require_own(party: str, farmer: q.Actor) -> None:
    if farmer.enroller != party:
        raise YuanliuError(
            "access.forbidden",
            "this farmer was enrolled by another cooperative",
            hint="let the cooperative that enrolled him give the PIN",
            fields={"farmer": farmer.address, "enroller": farmer.enroller},
        )
