"""On what a run was computed: versions, processor, threads."""

from __future__ import annotations

import os
import platform
from pathlib import Path

import psutil
import tensorflow as tf

from tlcore.cuts import version

PACKAGES = ("tensorflow", "keras", "openvino", "numpy", "pandas", "pyarrow", "pillow", "scikit-learn", "pydantic")


def environment(engine: str) -> dict[str, object]:
    """JSON types only; packages that aren't installed are left out."""
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "processor": _processor(),
        "cores": psutil.cpu_count(logical=False) or os.cpu_count(),
        "threads": len(psutil.Process().cpu_affinity()) if hasattr(psutil.Process, "cpu_affinity") else os.cpu_count(),
        "memory_bytes": psutil.virtual_memory().total,
        "gpus": [device.name for device in tf.config.list_physical_devices("GPU")],
        "engine": engine,
        "packages": {name: found for name in PACKAGES if (found := version(name))},
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.processor())
