"""The HTTP application: a picture in, what the model says about it out, within limits on size, time and number."""

from __future__ import annotations

import asyncio
import dataclasses
import math
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tlcore.answers import COVERAGE, verdict_document
from tlcore.predict import Answer, Model, predict
from tlcore.service.description import description

MODEL, UNNAMED = "model", "picture"
HEADERS = {"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"}
AS_FORM = "Send the picture as a file field, such as curl -F picture=@cat.jpg."
LOCAL_HOSTS = ("127.0.0.1", "localhost")
ANY_HOST = ("*",)
READ_OUT = 4  # Times as much as a picture may be is read before the connection is cut.


@dataclasses.dataclass(frozen=True)
class Limits:
    """What one request may take, and how many at once; memory is bounded by `picture_bytes` times `at_once`."""

    picture_bytes: int = 32 << 20
    arrive_s: float = 30
    answer_s: float = 60
    at_once: int = 8  # More are told to come back.
    decoding: int = 2  # Child processes of up to 2 GiB each.


USUAL = Limits()


@dataclasses.dataclass(frozen=True)
class About:
    """Which run it is."""

    run: int
    title: str


def application(model: Model, about: About, limits: Limits = USUAL, hosts: Sequence[str] = LOCAL_HOSTS) -> Starlette:
    """The service of one model; hosts: names that requests may be for, others being those of a page that had its name point here."""
    service = _Service(model, about, limits)
    routes = [
        Route("/", service.front),
        Route("/health", service.health),
        Route("/openapi.json", service.openapi),
        Route("/predict", service.predict, methods=["POST"]),
    ]
    guard = Middleware(TrustedHostMiddleware, allowed_hosts=list(hosts), www_redirect=False)
    return Starlette(routes=routes, middleware=[guard], exception_handlers={HTTPException: _refused, Exception: _failed})  # type: ignore[dict-item]


class _Service:
    def __init__(self, model: Model, about: About, limits: Limits) -> None:
        self._model, self._about, self._limits = model, about, limits
        self._inside = 0
        self._threads = ThreadPoolExecutor(limits.decoding)  # One that nobody waits for any more keeps its place until it ends.

    async def front(self, request: Request) -> Response:
        ways = {"predict": "POST /predict", "health": "/health", "description": "/openapi.json"}
        return _json({**dataclasses.asdict(self._about), "classes": list(self._model.predictor.classes), **ways})

    async def health(self, request: Request) -> Response:
        return _json({"status": "ok", "run": self._about.run, "busy": self._inside, "at_once": self._limits.at_once})

    async def openapi(self, request: Request) -> Response:
        return _json(description(self._about.title, self._model.predictor.classes, self._limits.picture_bytes))

    async def predict(self, request: Request) -> Response:
        """The answer about one picture. Nothing of it is kept where too many are inside already."""
        full = self._inside >= self._limits.at_once
        self._inside += not full
        try:
            async with _within(self._limits.arrive_s, 408, "The picture took more than {} s to arrive. Send a smaller one."):
                body = await self._body(request, keep=not full)
            if full:
                raise HTTPException(503, f"{self._limits.at_once} pictures are being looked at already. Try again in a second.", {"Retry-After": "1"})
            coverage, (name, data) = _coverage(request), await _picture(request, body)
            async with _within(self._limits.answer_s, 504, "The answer took more than {} s. Send a smaller picture, or try again."):
                answer = await self._answer(name, data)
        except ClientDisconnect:
            return Response(status_code=499)  # Nobody reads it.
        finally:
            self._inside -= not full
        if answer.error:
            raise HTTPException(422, answer.error)
        said = verdict_document(answer.verdicts[MODEL], self._model.grounds, coverage)
        return _json({"run": self._about.run, "file": answer.file, "size_px": answer.size_px, "notes": list(answer.notes), "coverage": coverage, **said})

    async def _body(self, request: Request, keep: bool) -> bytes:
        """Counted while it arrives: what it declares may be wrong.

        What isn't kept is read all the same, up to a point: whoever is cut off while sending sees no answer.
        """
        most, declared = self._limits.picture_bytes, request.headers.get("content-length", "")
        too_large = HTTPException(413, f"The picture is larger than {most >> 20} MiB. Send a smaller one.", {"Connection": "close"})
        if declared.isdigit() and int(declared) > (most if "expect" in request.headers else READ_OUT * most):
            raise too_large
        body, arrived = bytearray(), 0
        async for chunk in request.stream():
            arrived += len(chunk)
            if arrived > READ_OUT * most:
                break
            if keep and arrived <= most:
                body += chunk
            else:
                body.clear()
        if arrived > most:
            raise too_large
        return bytes(body)

    async def _answer(self, name: str, data: bytes) -> Answer:
        def asked() -> Answer:
            return next(predict({MODEL: self._model}, [(name, data)], kept_px=1))

        return await asyncio.get_running_loop().run_in_executor(self._threads, asked)


async def _picture(request: Request, body: bytes) -> tuple[str, bytes]:
    """Name and content of the picture: the body itself, or the file of a form."""
    if not request.headers.get("content-type", "").startswith("multipart/form-data"):
        return UNNAMED, body
    try:
        form = await Request(request.scope, _again(body)).form(max_files=1, max_fields=8)
    except HTTPException as error:
        raise HTTPException(422, f"The form can't be read ({error.detail.rstrip('.')}). {AS_FORM}") from None
    for value in form.values():
        if not isinstance(value, str):
            return value.filename or UNNAMED, await value.read()
    raise HTTPException(422, f"The form holds no file. {AS_FORM}")


@asynccontextmanager
async def _within(seconds: float, status: int, otherwise: str) -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError:
        raise HTTPException(status, otherwise.format(f"{seconds:g}"), {"Connection": "close"}) from None


def _coverage(request: Request) -> float:
    text = request.query_params.get("coverage", str(COVERAGE))
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value < 1:
        raise HTTPException(422, f"coverage: {text[:40]!r} is no share between 0 and 1. Give one such as 0.9.")
    return value


def _again(body: bytes) -> Callable[[], Awaitable[dict[str, Any]]]:
    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    return receive


def _json(document: dict[str, Any], status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return JSONResponse(document, status, {**HEADERS, **(headers or {})})


async def _refused(request: Request, error: HTTPException) -> Response:
    """One sentence for everything that isn't answered."""
    told = {404: f"There is nothing at {request.url.path[:80]}. See /openapi.json.", 405: f"{request.method[:10]} isn't for {request.url.path[:80]}. See /openapi.json."}
    return _json({"error": told.get(error.status_code, error.detail)}, error.status_code, dict(error.headers or {}))


async def _failed(request: Request, error: Exception) -> Response:
    """A mistake of ours; the traceback stands in the service's own output."""
    return _json({"error": "Something went wrong inside; the service's output says what."}, 500)
