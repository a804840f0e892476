"""The service in OpenAPI's words. Source: OpenAPI Specification 3.1.0."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tlcore.answers import COVERAGE

SHARE = {"type": "number", "minimum": 0, "maximum": 1}


def description(title: str, classes: Sequence[str], most_bytes: int) -> dict[str, Any]:
    """The document for one model."""
    picture = {"type": "string", "format": "binary", "maxLength": most_bytes}
    refusals = {
        "408": "The picture took too long to arrive.", "413": f"It is larger than {most_bytes >> 20} MiB.", "422": "It is no usable picture, or the coverage is no share.",
        "503": "Too many are asked at once; try again.", "504": "The answer took too long.",
    }  # fmt: skip
    predict = {
        "operationId": "predict",
        "summary": "What the model says about a picture",
        "parameters": [
            {"name": "coverage", "in": "query", "description": "How often the possible classes shall hold the true one.", "schema": {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1, "default": COVERAGE}}
        ],
        "requestBody": {
            "required": True,
            "description": "JPEG, PNG, WebP, GIF or BMP, as it is or as a file of a form.",
            "content": {
                "image/*": {"schema": picture},
                "application/octet-stream": {"schema": picture},
                "multipart/form-data": {"schema": {"type": "object", "properties": {"picture": picture}, "required": ["picture"]}},
            },
        },
        "responses": {"200": _answers("The answer", _answer(classes)), **{status: _answers(text, ERROR) for status, text in refusals.items()}},
    }
    return {
        "openapi": "3.1.0",
        "info": {"title": title, "version": "1", "description": "Which class is in a picture, how probable each is, and whether it is like what the model learnt from."},
        "paths": {
            "/predict": {"post": predict},
            "/health": {"get": {"operationId": "health", "summary": "Whether it answers", "responses": {"200": _answers("It does", {"type": "object", "properties": {"status": {"const": "ok"}}, "required": ["status"]})}}},
        },
    }


def _answers(text: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"description": text, "content": {"application/json": {"schema": schema}}}


ERROR = {"type": "object", "properties": {"error": {"type": "string"}}, "required": ["error"]}


def _answer(classes: Sequence[str]) -> dict[str, Any]:
    one = {"type": "string", "enum": list(classes)}
    shares = {"type": "object", "properties": {name: SHARE for name in classes}, "required": list(classes), "additionalProperties": False}
    fields: dict[str, dict[str, Any]] = {
        "run": {"type": "integer"},
        "file": {"type": "string"},
        "size_px": {"type": "array", "items": {"type": "integer", "minimum": 1}, "minItems": 2, "maxItems": 2, "description": "Width and height."},
        "notes": {"type": "array", "items": {"type": "string"}},
        "coverage": SHARE,
        "class": one,
        "probabilities": {**shares, "description": "As the network gives them."},
        "calibrated": {"anyOf": [shares, {"type": "null"}], "description": "After the run's temperature; null where none fits."},
        "possible": {"anyOf": [{"type": "array", "items": one, "minItems": 1}, {"type": "null"}], "description": "Classes that hold the true one as often as the coverage asks; null where nothing promises that."},
        "distance": {"type": ["number", "null"], "description": "From the training pictures, 0 to 2; null where the run doesn't tell."},
        "unlike": {"type": ["boolean", "null"], "description": "Whether it is unlike anything that the model was trained on; null where the run doesn't tell."},
    }
    return {"type": "object", "properties": fields, "required": list(fields)}
