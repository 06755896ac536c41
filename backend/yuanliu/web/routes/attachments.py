"""Photos and reports, by their content."""

from typing import Annotated

from fastapi import APIRouter, Path, Request, Response, UploadFile

from yuanliu.desk.access import Scope
from yuanliu.web.access import SignedIn
from yuanliu.web.problems import documented
from yuanliu.web.services import Wired
from yuanliu.web.shapes import Output

router = APIRouter(tags=["attachments"], responses=documented(400, 422, 503))


class AttachmentView(Output):
    """A stored file. Its address is its content: the SHA-256 goes into the event that speaks of it."""

    sha256: str
    size: int
    media_type: str
    name: str


@router.post("/attachments", status_code=201, responses=documented(401, 403, 413, 415))
def upload(file: UploadFile, visitor: SignedIn, wired: Wired, response: Response) -> AttachmentView:
    """Store a photo or report (JPEG, PNG, WebP, HEIC, PDF, CSV, JSON, text), up to 20 MB. Twice does no harm."""
    visitor.require(Scope.ATTACHMENTS)
    stored = wired.attachments.put(
        file.file, name=file.filename or "", declared=file.content_type, account=visitor.account
    )
    response.headers["Location"] = f"/api/v1/attachments/{stored.sha256}"
    return AttachmentView(
        sha256=stored.sha256, size=stored.size, media_type=stored.media_type, name=stored.name
    )


@router.get(
    "/attachments/{sha256}",
    responses={200: {"content": {"application/octet-stream": {}}}, **documented(404, 500)},
    response_class=Response,
)
@router.head("/attachments/{sha256}", include_in_schema=False)
def download(
    sha256: Annotated[str, Path(pattern=r"^[0-9a-f]{64}$")], wired: Wired, request: Request
) -> Response:
    """Give a stored file. Its hash is checked each time that it is read."""
    raise NotImplementedError
