"""What an operator may set, from the environment (`YUANLIU_…`) or a `.env` file."""

import re
from functools import cache
from pathlib import Path
from typing import Annotated

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

_DEVNET = 31_337


def _project_dir() -> Path:
    """Give the checkout this package runs from, or else the current folder."""
    checkout = Path(__file__).resolve().parents[2]
    return checkout if (checkout / "hardhat-free-devnet").is_dir() else Path.cwd()


def _in_url(host: str) -> str:
    """Write an address as it stands in a URL: IPv6 in brackets (RFC 3986, 3.2.2)."""
    return f"[{host}]" if ":" in host else host


class Settings(BaseSettings):
    """All settings. Each is read from `YUANLIU_` + its name in capitals; empty means the default."""

    model_config = SettingsConfigDict(
        env_prefix="YUANLIU_",
        env_file=".env",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        use_attribute_docstrings=True,
    )

    project_dir: Path = Field(default_factory=_project_dir)
    """Folder that holds `contracts/` and `hardhat-free-devnet/`."""

    data_dir: Path = Field(default_factory=lambda data: data["project_dir"] / ".yuanliu")
    """Folder for everything that is written at run time: node state, deployment record, caches."""

    deployment_file: Path = Field(default_factory=lambda data: data["data_dir"] / "deployment.json")
    """The record of what was deployed where."""

    devnet_dir: Path = Field(
        default_factory=lambda data: data["project_dir"] / "hardhat-free-devnet"
    )
    """Folder with the pinned node, compiler and public keys."""

    devnet_port: int = Field(default=8545, ge=1, le=65535)
    """TCP port of the bundled devnet, on 127.0.0.1 only."""

    rpc_url: str = Field(default_factory=lambda data: f"http://127.0.0.1:{data['devnet_port']}")
    """JSON-RPC endpoint of the chain; the bundled devnet unless set."""

    chain_id: int = Field(default=_DEVNET, ge=1)
    """Id of the chain that we expect at `rpc_url` (EIP-155)."""

    database_url: SecretStr | None = None
    """A PostgreSQL database, `postgresql://user:password@host:5432/name`; unset: SQLite files in `data_dir`."""

    database_schema: str = Field(default="yuanliu", pattern=r"[a-z][a-z0-9_]{0,40}")
    """What the names of the PostgreSQL schemas begin with."""

    host: str = "127.0.0.1"
    """Address that the HTTP service listens on."""

    port: int = Field(default=8000, ge=1, le=65535)
    """TCP port of the HTTP service."""

    public_url: str = Field(
        default_factory=lambda data: f"http://{_in_url(data['host'])}:{data['port']}"
    )
    """What stands before `/01/…` in the codes on labels: scheme and host, no slash at the end."""

    public_rpc_urls: Annotated[tuple[str, ...], NoDecode] = Field(
        default_factory=lambda data: (data["rpc_url"],)
    )
    """JSON-RPC endpoints, separated by commas, that readers' phones ask for the heads of histories; two or more are
    compared. Unset: `rpc_url`, which a phone reaches only if it is a public address."""

    attachments_url: SecretStr | None = None
    """An S3-compatible store, `s3://key:secret@host/bucket?region=…`; unset: the folder `data_dir/attachments`."""

    relayer_key: SecretStr | None = None
    """Private key (hex) that pays for what people sign, on any chain but the devnet, which brings its own."""

    till_key: SecretStr | None = None
    """Private key (hex) of the till: pays on chain for what payment providers report. On a devnet: its own buyer."""

    webhook_secrets: dict[str, SecretStr] = Field(default_factory=dict)
    """JSON: each payment provider's name and the secret (32 characters or more) that it signs its reports with."""

    metrics_token: SecretStr | None = None
    """What a reader of `/metrics` has to bring as bearer token; unset: only this machine may read them."""

    finality_depth: int = Field(
        default_factory=lambda data: 20_000 if data["chain_id"] == _DEVNET else 64, ge=1
    )
    """Blocks below its head that the chain may still take back (any chain but the devnet: 64); when it takes back more,
    the follower stops.
    A devnet makes dozens of blocks a second under load, and loses those of its last half minute when it is killed."""

    follower_poll: float = Field(default=0.5, gt=0, le=60)
    """Seconds between two looks at the chain for new blocks."""

    free_gas: bool = False
    """Whether the chain takes transactions that pay nothing, as many consortium chains do: then nothing is offered."""

    keep_days: int = Field(default=400, ge=30)
    """Days that finished requests can be looked up; within them the same `Idempotency-Key` is the same request.
    What they did is on the chain for ever."""

    deployer_key: SecretStr | None = None
    """Private key (hex) that pays for deployments on any chain but the devnet, which brings its own."""

    platform_address: str | None = None
    """Address of the first platform, for deployments on any chain but the devnet."""

    regulator_address: str | None = None
    """Address of the first regulator, for deployments on any chain but the devnet."""

    solc: Path | None = None
    """A native Solidity compiler to use in place of the pinned npm one; must be the same version."""

    anvil: Path | None = None
    """An `anvil` binary to use in place of the pinned npm one."""

    @property
    def address(self) -> str:
        """Where the HTTP service listens, as `http://host:port`."""
        return f"http://{_in_url(self.host)}:{self.port}"

    @field_validator("public_rpc_urls", mode="before")
    @classmethod
    def _listed(cls, value: object) -> object:
        """Read what is separated by commas."""
        if not isinstance(value, str):
            return value
        listed = tuple(each for part in value.split(",") if (each := part.strip()))
        if wrong := [each for each in listed if not re.match(r"https?://[^\s/]+", each)]:
            raise ValueError(f"no address of a node: {wrong[0]}")
        return listed


@cache
def settings() -> Settings:
    """Give the settings, read once per process."""
    return Settings()
