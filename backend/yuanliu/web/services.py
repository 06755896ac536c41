"""What the routes work with, wired in one place, and how they reach it."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Annotated

from fastapi import Depends, Request

from yuanliu.chain import keys
from yuanliu.chain.deployment import Deployment
from yuanliu.chain.node import Node
from yuanliu.database import Connection, Engine
from yuanliu.desk.access import Access
from yuanliu.desk.accounts import Accounts
from yuanliu.desk.attachments import Store
from yuanliu.desk.outbox import Outbox
from yuanliu.desk.pins import Pins
from yuanliu.desk.recoveries import Recoveries
from yuanliu.desk.sessions import Sessions
from yuanliu.desk.tokens import Tokens
from yuanliu.index.reading import reading
from yuanliu.settings import Settings
from yuanliu.web.visits import Visits


@dataclass(frozen=True)
class Services:
    """Everything that a route may need. `house` signs what needs no author; `till` pays what providers report."""

    config: Settings
    node: Node
    deployment: Deployment
    copy: Engine
    desk: Engine
    outbox: Outbox
    attachments: Store
    accounts: Accounts
    recoveries: Recoveries
    sessions: Sessions
    tokens: Tokens
    pins: Pins
    access: Access
    visits: Visits
    house: keys.Key
    till: keys.Key | None
    exports: Visits = field(default_factory=lambda: Visits(most=12))
    """Counts long tables taken away, which cost a minute's worth of pages each."""


async def services(request: Request) -> Services:  # not in a thread: there is nothing to wait for
    """Give the services of the application that answers."""
    found: Services = request.app.state.services
    return found


Wired = Annotated[Services, Depends(services)]
"""The services, as a parameter of a route."""


def _reading(wired: Wired) -> Iterator[Connection]:
    with reading(wired.copy) as connection:
        yield connection


Copy = Annotated[Connection, Depends(_reading)]
"""The copy of the chain at one moment, as a parameter of a route."""
