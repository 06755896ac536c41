"""Where commands write to."""

from rich.console import Console

out = Console()
"""What a command answers: stdout."""

err = Console(stderr=True)
"""What a command says about itself (progress, warnings, errors): stderr."""
