"""What somebody asked for, and how far it is."""

from typing import Annotated

from fastapi import APIRouter, Path, Query

from yuanliu.desk.intentions import Intention, State
from yuanliu.errors import YuanliuError
from yuanliu.web.acting import Acting, Acts, view
from yuanliu.web.problems import documented
from yuanliu.web.routes.batches import Limit
from yuanliu.web.shapes import IntentionView, Page

router = APIRouter(tags=["intentions"], responses=documented(400, 401, 422, 503))

IntentionId = Annotated[str, Path(pattern=r"^[0-9a-f]{32}$")]
Wait = Annotated[float, Query(ge=0, le=30, description="Seconds to wait for it to be settled.")]


@router.get("/intentions")
def list_intentions(
    acts: Acts,
    state: State | None = None,
    after: Annotated[str, Query(max_length=32)] = "",
    limit: Limit = 50,
) -> Page[IntentionView]:
    """List one's own intentions, oldest first."""
    found = acts.wired.outbox.intentions(acts.account, state=state, after=after, limit=limit)
    following = found[-1].id if len(found) == limit else None
    return Page(items=[view(each) for each in found], next=following)


@router.get("/intentions/{intention}", responses=documented(404))
def show_intention(intention: IntentionId, acts: Acts, wait: Wait = 0) -> IntentionView:
    """Tell how far one of one's own intentions is; also once it failed."""
    found = _own(acts, intention)
    return view(acts.wired.outbox.wait(found.id, wait) if wait else found)


@router.post(
    "/intentions/{intention}/signature", status_code=201, responses=documented(403, 404, 409)
)
def resign(intention: IntentionId, acts: Acts) -> IntentionView:
    """Sign a lapsed intention anew."""
    found = _own(acts, intention)
    return acts.answer(acts.wired.outbox.resign(found.id, acts.signed_in.open_key()))


def _own(acts: Acting, name: str) -> Intention:
    found = acts.wired.outbox.intention(name)
    if found.account != acts.account:
        raise YuanliuError(
            "outbox.unknown",
            f"there is no intention {name}",
            hint="take the id that was given at submission",
            fields={"id": name},
        )
    return found
