"""The base of everything that is configured: what is refused whatever the setting."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationInfo, field_validator


def no_bool(value: Any) -> Any:
    """YAML's true is an int to Python; no setting that is a number means that."""
    if isinstance(value, bool):
        raise ValueError("a value is needed, not true or false")
    return value


class Settings(BaseModel):
    """Base of all settings: immutable, no unknown keys, no bool where a number belongs."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    @field_validator("*", mode="before")
    @classmethod
    def _no_bool_for_number(cls, value: Any, info: ValidationInfo) -> Any:
        return value if cls.model_fields[str(info.field_name)].annotation is bool else no_bool(value)
