"""Signing in and out, passwords, API tokens."""

from datetime import UTC, datetime
from typing import Annotated, Final

from fastapi import APIRouter, Path, Request, Response
from pydantic import Field

from yuanliu.desk.access import Scope
from yuanliu.desk.people import Account
from yuanliu.desk.sessions import LONGEST_SECONDS, Session, csrf_of
from yuanliu.desk.tokens import LONGEST_DAYS, USUAL_DAYS, ApiToken
from yuanliu.errors import YuanliuError
from yuanliu.web.access import COOKIE, SignedIn, Visitor
from yuanliu.web.problems import documented
from yuanliu.web.services import Services, Wired
from yuanliu.web.shapes import Input, Output

router = APIRouter(tags=["session"], responses=documented(400, 422, 503))

_UNKNOWN_ADDRESS: Final = "0.0.0.0"  # noqa: S104 -- nothing is bound to it

Password = Annotated[str, Field(min_length=1, max_length=256)]
TokenId = Annotated[str, Path(pattern=r"^[a-z2-7]{16}$")]


class SignIn(Input):
    """Who wants to sign in."""

    login: str = Field(min_length=1, max_length=200, examples=["clerk"])
    password: Password


class PasswordChange(Input):
    """The password in force, and the new one: at least ten characters."""

    old: Password
    new: Password


class AccountView(Output):
    """An account. `party` is the actor that it acts for on the chain."""

    id: str
    login: str
    display_name: str
    kind: str
    party: str | None
    key: str
    must_change_password: bool
    disabled: bool
    created: str
    last_sign_in: str | None

    @classmethod
    def of(cls, account: Account) -> "AccountView":
        """Write an account."""
        return cls(
            id=account.id,
            login=account.login,
            display_name=account.display_name,
            kind=account.kind,
            party=account.party,
            key=account.key_address,
            must_change_password=account.must_change_password,
            disabled=account.disabled,
            created=written(account.created),
            last_sign_in=None if account.last_sign_in is None else written(account.last_sign_in),
        )


class SessionView(Output):
    """A session. `csrf` has to come back as `X-CSRF-Token` with every unsafe method."""

    account: AccountView
    scopes: list[str]
    expires: str
    csrf: str


class TokenIn(Input):
    """A token for a machine; it may do no more than the account itself."""

    label: str = Field(min_length=1, max_length=64, examples=["scale at the gate"])
    scopes: list[Annotated[Scope, Field(strict=False)]] = Field(min_length=1, max_length=30)
    days: int = Field(USUAL_DAYS, ge=1, le=LONGEST_DAYS)


class TokenView(Output):
    """A token, without its secret."""

    id: str
    label: str
    scopes: list[str]
    created: str
    expires: str
    last_used: str | None
    revoked: str | None

    @classmethod
    def of(cls, token: ApiToken) -> "TokenView":
        """Write a token."""
        return cls(
            id=token.id,
            label=token.label,
            scopes=sorted(token.scopes),
            created=written(token.created),
            expires=written(token.expires),
            last_used=None if token.last_used is None else written(token.last_used),
            revoked=None if token.revoked is None else written(token.revoked),
        )


class NewToken(TokenView):
    """A token just made. Its text is shown this once."""

    token: str


def written(seconds: float) -> str:
    """Write a time to the second."""
    moment = datetime.fromtimestamp(int(seconds), UTC)
    return moment.isoformat().replace("+00:00", "Z")


@router.post("/session", status_code=201, responses=documented(401, 429))
def sign_in(body: SignIn, request: Request, response: Response, wired: Wired) -> SessionView:
    """Sign in. The session's token is set as a cookie that scripts cannot read.

    The one-time password of a recovery opens nothing before its key is in force on the chain, and says why not
    (`accounts.recovery_waiting`, `accounts.recovery_ready`, `accounts.recovery_cancelled`); then it ends what was.
    """
    address = request.client.host if request.client else _UNKNOWN_ADDRESS
    opened = wired.sessions.sign_in(body.login, body.password, address)
    response.set_cookie(
        COOKIE,
        opened.token,
        max_age=int(LONGEST_SECONDS),
        httponly=True,
        samesite="lax",
        secure=wired.config.public_url.startswith("https:"),
        path="/",
    )
    return _view(wired, opened.session, opened.csrf)


@router.get("/session", responses=documented(401))
def show_session(request: Request, visitor: SignedIn, wired: Wired) -> SessionView:
    """Tell who is signed in, and give the token for unsafe methods anew."""
    session = own_session(visitor)
    return _view(wired, session, csrf_of(request.cookies[COOKIE]))


@router.delete("/session", status_code=204, responses=documented(401, 403))
def sign_out(
    visitor: SignedIn, wired: Wired, response: Response, *, everywhere: bool = False
) -> None:
    """Sign out; `everywhere`: on all devices."""
    session = own_session(visitor)
    if everywhere:
        wired.sessions.sign_out_everywhere(visitor.account)
    else:
        wired.sessions.sign_out(session.id)
    response.delete_cookie(COOKIE, path="/")


@router.put("/session/password", status_code=204, responses=documented(401, 403))
def change_password(body: PasswordChange, visitor: SignedIn, wired: Wired) -> None:
    """Change one's own password. All other sessions end."""
    session = own_session(visitor)
    wired.accounts.change_password(visitor.account, body.old, body.new, keep_session=session.id)


@router.get("/tokens", responses=documented(401))
def list_tokens(visitor: SignedIn, wired: Wired) -> list[TokenView]:
    """List one's own API tokens, the latest first."""
    return [TokenView.of(token) for token in wired.tokens.listed(visitor.account)]


@router.post("/tokens", status_code=201, responses=documented(401, 403))
def create_token(body: TokenIn, visitor: SignedIn, wired: Wired) -> NewToken:
    """Make an API token. Its text is shown this once."""
    token, text = wired.tokens.create(
        own_session(visitor),
        visitor.open_key(),
        label=body.label,
        scopes=body.scopes,
        days=body.days,
    )
    return NewToken(**TokenView.of(token).model_dump(), token=text)


@router.delete("/tokens/{token}", status_code=204, responses=documented(401, 403, 404))
def revoke_token(token: TokenId, visitor: SignedIn, wired: Wired) -> None:
    """Revoke one of one's own tokens, at once."""
    own_session(visitor)
    wired.tokens.revoke(visitor.account, token)


def own_session(visitor: Visitor) -> Session:
    """Give a person's session. Raises `YuanliuError` (`access.person_needed`)."""
    if visitor.session is None:
        raise YuanliuError(
            "access.person_needed",
            "a machine's token cannot do that",
            hint="sign in as a person",
        )
    return visitor.session


def _view(wired: Services, session: Session, csrf: str) -> SessionView:
    return SessionView(
        account=AccountView.of(session.account),
        scopes=sorted(wired.access.principal(session.account).scopes),
        expires=written(session.expires),
        csrf=csrf,
    )
