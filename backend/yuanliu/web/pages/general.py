"""Pages without an area of their own: a refusal, and the description of the API."""

from collections.abc import Mapping
from typing import Any

from fastapi import Request, Response

from yuanliu.web.pages import frame


def refusal(
    request: Request, problem: Mapping[str, Any], *, status: int, headers: Mapping[str, str]
) -> Response:
    """Answer with the page of a refusal, of its problem document."""
    return frame.page(
        request, "frame/refusal.html", status=status, headers=headers, problem=problem
    )


def api(request: Request, document: Mapping[str, Any]) -> Response:
    """Answer with the page that shows the API, of its OpenAPI document."""
    operations = [
        {"method": method.upper(), "path": path, **operation}
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]
    tags: dict[str, list[dict[str, Any]]] = {}
    for operation in operations:
        tags.setdefault(operation.get("tags", ["other"])[0], []).append(operation)
    return frame.page(request, "frame/api.html", tags=tags, info=document["info"])
