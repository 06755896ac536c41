"""What every page has: language, words, formats, addresses of static files, and the template that frames it."""

import hashlib
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta, timezone
from functools import partial
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined, pass_context
from jinja2.runtime import Context

from yuanliu import identifiers, money
from yuanliu.web import messages
from yuanliu.web.messages import Language
from yuanliu.web.pages import charts
from yuanliu.web.pages.texts import text

STATIC: Final = Path(__file__).parents[1] / "static"
LANGUAGE_COOKIE: Final = "yl_lang"
CHINA: Final = timezone(timedelta(hours=8), "UTC+8")
"""Times on pages are China's; it has one time zone and no summer time."""

_GRAMS_PER_KILOGRAM: Final = 1_000
_MILLIGRAMS_PER_GRAM: Final = 1_000


def _build() -> str:
    digest = hashlib.sha256()
    for path in sorted(each for each in STATIC.rglob("*") if each.is_file()):
        digest.update(path.relative_to(STATIC).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:12]


BUILD: Final = _build()
"""Name of these static files: it stands in their addresses, so that they can be kept for ever."""


def asset(path: str) -> str:
    """Give the address of a static file. A module's relative imports stay under the same name."""
    return f"/static/{BUILD}/{path}"


# ---------------------------------------------------------------------- language


_LANGUAGES: Final[Mapping[str | None, Language]] = {"zh": "zh", "en": "en"}


def language(request: Request) -> Language:
    """Choose: what the address says, what was chosen before, what the browser prefers; else Chinese."""
    for asked in (request.query_params.get("lang"), request.cookies.get(LANGUAGE_COOKIE)):
        if asked in _LANGUAGES:
            return _LANGUAGES[asked]
    return messages.language_of(request.headers.get("accept-language", ""))


def switch(request: Request, to: Language) -> str:
    """Give the address that chooses a language and comes back to this page."""
    query = [(k, v) for k, v in request.query_params.multi_items() if k != "lang"]
    back = request.url.path + (f"?{urlencode(query)}" if query else "")
    return "/language?" + urlencode({"to": to, "back": back})


# ---------------------------------------------------------------------- formats


def yuan(fen: int) -> str:
    """Write fen: 180 → `¥1.80`, 123456789 → `¥1,234,567.89`."""
    plain = money.format_yuan(abs(fen))
    whole, _, rest = plain.partition(".")
    return f"{'−' if fen < 0 else ''}¥{int(whole):,}.{rest}"


def percent(bps: int) -> str:
    """Write basis points: 3333 → `33.33%`, 5000 → `50%`."""
    return f"{bps / 100:.2f}".rstrip("0").rstrip(".") + "%"


def mass(milligrams: int) -> str:
    """Write a mass: 1500000 → `1.5 kg`, 250000 → `250 g`."""
    grams = milligrams / _MILLIGRAMS_PER_GRAM
    if grams >= _GRAMS_PER_KILOGRAM:
        return f"{grams / _GRAMS_PER_KILOGRAM:,.3f}".rstrip("0").rstrip(".") + " kg"
    return f"{grams:,.3f}".rstrip("0").rstrip(".") + " g"


def mass_g(grams: int) -> str:
    """Write a mass given in grams, as `mass`."""
    return mass(grams * _MILLIGRAMS_PER_GRAM)


def day(unix: int, language: Language) -> str:
    """Write the day of a Unix time in China: `2026年11月12日`, `12 Nov 2026`."""
    at = datetime.fromtimestamp(unix, CHINA)
    return f"{at.year}年{at.month}月{at.day}日" if language == "zh" else f"{at.day} {at:%b %Y}"


def moment(unix: int, language: Language) -> str:
    """Write a Unix time in China to the minute: `2026年11月12日 08:30`."""
    return f"{day(unix, language)} {datetime.fromtimestamp(unix, CHINA):%H:%M}"


def iso(unix: int) -> str:
    """Write a Unix time for machines: `2026-11-12T00:30:00Z`."""
    return datetime.fromtimestamp(unix, UTC).isoformat().replace("+00:00", "Z")


def unit_name(code: str, language: Language) -> str:
    """Name a unit of sale; the code itself if it has no name here."""
    known = identifiers.UNITS.get(code)
    if known is None:
        return code
    return known.chinese if language == "zh" else known.english


def _in_language(write: Callable[[Any, Language], str]) -> Callable[[Context, Any], str]:
    @pass_context
    def written(context: Context, value: Any) -> str:  # noqa: ANN401 -- what the filter is put behind
        return write(value, context["language"])

    return written


# ---------------------------------------------------------------------- pages

ENVIRONMENT: Final = Environment(
    loader=FileSystemLoader(Path(__file__).parents[1] / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    auto_reload=False,
)
ENVIRONMENT.filters |= {
    "yuan": yuan,
    "percent": percent,
    "mass": mass,
    "mass_g": mass_g,
    "iso": iso,
    "day": _in_language(day),
    "moment": _in_language(moment),
    "unit_name": _in_language(unit_name),
}
ENVIRONMENT.globals |= {"asset": asset, "charts": charts}


def compile_templates(folder: str) -> None:
    """Compile what a folder's pages are made of, so that no reader waits for it: 10 to 30 ms a template."""
    for name in ENVIRONMENT.list_templates(filter_func=lambda name: name.startswith(folder)):
        ENVIRONMENT.get_template(name)


def html(request: Request, template: str, **context: object) -> str:
    """Make a page's text. Raises `jinja2.UndefinedError` for what the template misses."""
    chosen = language(request)
    other: Language = "en" if chosen == "zh" else "zh"
    return ENVIRONMENT.get_template(template).render(
        language=chosen,
        t=partial(text, chosen),
        switch_to=switch(request, other),
        **context,
    )


def page(
    request: Request,
    template: str,
    *,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    **context: object,
) -> HTMLResponse:
    """Answer with a page, in the reader's language."""
    answer = HTMLResponse(html(request, template, **context), status, headers=dict(headers or {}))
    answer.headers.add_vary_header("Cookie")
    return answer
