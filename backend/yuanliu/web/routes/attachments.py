"""Photos and reports, by their content."""

from typing import Annotated

from fastapi import APIRouter, Path, Response, UploadFile
from fastapi.responses import StreamingResponse
from pydantic import Field
from starlette.background import BackgroundTask

from yuanliu.desk.access import Scope
from yuanliu.desk.attachments import Attachment, pieces_of
from yuanliu.web.access import SignedIn
from yuanliu.web.problems import documented
from yuanliu.web.services import Wired
from yuanliu.web.shapes import Output

router = APIRouter(tags=["attachments"], responses=documented(400, 422, 503))


class AttachmentView(Output):
    """A stored file. Its address is its content: `sha256` goes into the event that speaks of it."""

    sha256: str
    size: int
    media_type: str
    name: str
    sent_sha256: str | None = Field(
        None,
        description="The SHA-256 of the bytes as they were sent. Another one than `sha256` where a photo was rid of"
        " what tells of its maker (place, time, camera): what is stored, and shown, is `sha256`.",
    )

    @classmethod
    def of(cls, attachment: Attachment) -> "AttachmentView":
        """Write what is known of a file."""
        return cls(
            sha256=attachment.sha256,
            size=attachment.size,
            media_type=attachment.media_type,
            name=attachment.name,
            sent_sha256=attachment.sent_sha256 or None,
        )


@router.post("/attachments", status_code=201, responses=documented(401, 403, 413, 415))
def upload(file: UploadFile, visitor: SignedIn, wired: Wired, response: Response) -> AttachmentView:
    """Store a photo or report (JPEG, PNG, WebP, HEIC, PDF, CSV, JSON, text), up to 20 MB. Twice does no harm.

    A photo (JPEG, PNG, WebP) is stored without its Exif, GPS, XMP and other notes; its pixels stay byte by byte.
    """
    visitor.require(Scope.ATTACHMENTS)
    stored = wired.attachments.put(
        pieces_of(file.file),
        declared=file.content_type or "",
        name=file.filename or "",
        account=visitor.account,
    )
    response.headers["Location"] = f"/api/v1/attachments/{stored.sha256}"
    return AttachmentView.of(stored)


@router.get("/attachments", responses=documented(401))
def list_attachments(visitor: SignedIn, wired: Wired) -> list[AttachmentView]:
    """List what one sent oneself, the latest first."""
    return [AttachmentView.of(each) for each in wired.attachments.listed(visitor.account)]


@router.get(
    "/attachments/{sha256}",
    responses={
        200: {"content": {"application/octet-stream": {}}, "description": "The file"},
        **documented(404, 500),
    },
    response_class=StreamingResponse,
)
def download(
    sha256: Annotated[str, Path(pattern=r"^[0-9a-f]{64}$")], wired: Wired
) -> StreamingResponse:
    """Give a stored file. Its bytes are compared with its hash before the first is sent."""
    found, file = wired.attachments.get(sha256)
    return StreamingResponse(
        pieces_of(file), headers=found.headers, background=BackgroundTask(file.close)
    )
