"""The one base of every refusal: a stable code, what was wrong, and what would be right."""


class YuanliuError(Exception):
    """A refusal that a person or a program can act on.

    `code` is stable and dotted, `room.reason` (`devnet.port_busy`); programs match on it. `message` says
    what was wrong, `hint` what would be right. `fields` carries the values that disagree. `retryable`
    says that the same request may succeed later, unchanged. `exit_code` is what the command line returns.
    """

    def __init__(
        self,
        code: str,
        message: str,
        *,
        hint: str = "",
        fields: dict[str, object] | None = None,
        retryable: bool = False,
        exit_code: int = 1,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = hint
        self.fields: dict[str, object] = fields or {}
        self.retryable = retryable
        self.exit_code = exit_code

    def __str__(self) -> str:
        """Give the code and the message on one line, for logs and tracebacks."""
        return f"[{self.code}] {self.message}"
