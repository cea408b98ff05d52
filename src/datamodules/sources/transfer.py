"""Transfer of one file over HTTP, in as many requests as it takes."""

import re
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...errors import AiwaveError
from ...system import check_free_space

BY_HAND = "or download it by hand and give it with from=FILE"

LATER = (408, 425, 429, 500, 502, 503, 504)  # status codes worth a retry


@dataclass(frozen=True)
class Patience:
    """Timeout of a response [s], number of consecutive attempts without progress, and first pause between them [s]."""

    timeout: float = 30.0
    attempts: int = 5
    pause: float = 1.0


class _Interrupted(Exception):
    """The transfer was cut off, and another request may continue it."""


def transfer(url: str, part: Path, tag: Path, patience: Patience) -> None:
    """Request `url` until the file `part` is complete, resuming from its end if the server can (HTTP Range).

    `tag` is a file beside it with the version of the file (for If-Range), so that two versions are never mixed.

    Raises:
        AiwaveError: If the server refuses, or if several consecutive requests made no progress.
        OSError: If `part` cannot be written.
    """
    from tqdm import tqdm

    failures = 0
    while True:
        before = _size(part)
        try:
            return _ask(url, part, tag, patience.timeout)
        except _Interrupted as error:
            failures = 1 if _size(part) > before else failures + 1
            if failures >= patience.attempts:
                raise AiwaveError(
                    f"{url} cannot be fetched ({error}): check the connection and run the command again, which "
                    f"continues from {_size(part)} bytes, {BY_HAND}."
                ) from error
            pause = patience.pause * 2 ** (failures - 1)
            tqdm.write(f"{url}: {error}; trying again in {pause:g} s", file=sys.stderr)
            time.sleep(pause)


def _ask(url: str, part: Path, tag: Path, timeout: float) -> None:
    """Make one request for the rest of `part`. Raises _Interrupted if a retry may help, AiwaveError if not."""
    import requests
    from urllib3.exceptions import HTTPError, ReadTimeoutError

    problems = requests.exceptions
    try:
        with requests.get(url, headers=_headers(part, tag), stream=True, timeout=timeout) as response:
            _check_status(url, response)
            if response.status_code == 416:
                return _check_nothing_is_left(response, part)
            _save(url, response, part, tag)
    except (problems.Timeout, ReadTimeoutError) as error:
        raise _Interrupted(f"no answer within {timeout:g} s") from error
    except (problems.ConnectionError, HTTPError) as error:
        raise _Interrupted(_reason(error)) from error
    except problems.RequestException as error:
        raise AiwaveError(f"{url} cannot be fetched: {str(error).rstrip('.')}.") from error


def _headers(part: Path, tag: Path) -> dict[str, str]:
    headers = {"Accept-Encoding": "identity"}  # the stored bytes, whose count and hash are published
    if _size(part):
        headers["Range"] = f"bytes={_size(part)}-"
        if tag.exists():
            headers["If-Range"] = tag.read_text(encoding="utf-8")
    return headers


def _check_status(url: str, response: Any) -> None:
    """Raise unless the response brings bytes (or says that none are left)."""
    code = response.status_code
    if code in LATER:
        raise _Interrupted(f"HTTP {code} {response.reason}")
    if code not in (200, 206, 416):
        raise AiwaveError(
            f"{url} could not be fetched (HTTP {code} {response.reason}): check whether its address has changed, "
            f"{BY_HAND}."
        )


def _check_nothing_is_left(response: Any, part: Path) -> None:
    """Handle 416, Range Not Satisfiable: `part` is complete, or too long and useless."""
    if response.headers.get("Content-Range") != f"bytes */{_size(part)}":
        part.unlink(missing_ok=True)
        raise _Interrupted("the file has become shorter")


def _save(url: str, response: Any, part: Path, tag: Path) -> None:
    """Append the body to `part` if the server resumes at its end (206), else overwrite `part` (200)."""
    from tqdm import tqdm

    have, total = _size(part) if response.status_code == 206 else 0, _total(response)
    if response.status_code == 206 and not response.headers.get("Content-Range", "").startswith(f"bytes {have}-"):
        part.unlink(missing_ok=True)
        raise _Interrupted("the server sent another range than it was asked for")
    if have == 0:
        _keep_tag(response, tag)
    if total is not None:
        check_free_space(part.parent, total - have, f"fetch {url}")
    name = part.parent.name.removesuffix(".part")
    bar = tqdm(desc=name, total=total, initial=have, unit="B", unit_scale=True, disable=None)
    with bar, part.open("ab" if have else "wb") as file:
        while block := response.raw.read1(1 << 16, decode_content=True):  # also the last bytes before a cut
            file.write(block)
            bar.update(len(block))
    if total is not None and _size(part) != total:
        raise _Interrupted(f"the connection ended after {_size(part)} of {total} bytes")


def _total(response: Any) -> int | None:
    """Size of the whole file in bytes, if the server states it."""
    field = "Content-Range" if response.status_code == 206 else "Content-Length"
    found = re.search(r"(\d+)$", response.headers.get(field, ""))
    return int(found[1]) if found and "Content-Encoding" not in response.headers else None


def _keep_tag(response: Any, tag: Path) -> None:
    """Store the version of the file: its strong ETag, or its date."""
    etag = response.headers.get("ETag", "")
    version = etag if etag.startswith('"') else response.headers.get("Last-Modified")
    tag.unlink(missing_ok=True)
    if version:
        tag.write_text(version, encoding="utf-8")


def _size(part: Path) -> int:
    with suppress(FileNotFoundError):
        return part.stat().st_size
    return 0


def _reason(error: Exception) -> str:
    """The innermost cause in a few words: requests wraps urllib3's errors, which wrap the socket's."""
    cause: Any = error
    while isinstance(inner := (getattr(cause, "reason", None) or next(iter(cause.args), None)), BaseException):
        cause = inner
    words = getattr(cause, "strerror", None) or next((part for part in cause.args if isinstance(part, str)), "")
    return re.sub(r"^(<[^>]*>|HTTPS?Connection\(.*?\)): ", "", words).rstrip(".") or type(cause).__name__
