"""A folder that serves a run's model on a machine without this project."""

from __future__ import annotations

import dataclasses
import importlib.metadata
import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

from tlcore.embedding import EMBEDDING
from tlcore.errors import ConflictError, InputError, NotFoundError
from tlcore.exports import CARD
from tlcore.results import PREDICTIONS, SUMMARY
from tlcore.service.answering import About
from tlcore.service.starting import ABOUT, PORT

PACKAGE = Path(__file__).parents[1]
RUN = "run"
MODEL_FILES = ("model.xml", "model.bin", SUMMARY)
GROUNDS_FILES = (PREDICTIONS, EMBEDDING)  # What calibration, possible classes and distance come from.
NEEDED = ("numpy", "openvino", "pandas", "pillow", "psutil", "pyarrow", "scikit-learn", "scipy", "starlette", "uvicorn", "python-multipart", "pydantic", "PyYAML")
_SERVE = '''\
"""python serve.py: the model in this folder answers pictures over HTTP; --help says how to choose the port."""
import sys
from pathlib import Path

from tlcore.service.starting import main

sys.exit(main(Path(__file__).parent / "run"))
'''
_DOCKERFILE = f"""\
FROM python:3.12-slim
WORKDIR /service
COPY requirements.txt .
RUN pip install --no-cache-dir -r requirements.txt
COPY . .
# Everybody who reaches the container's port may ask: publish it to this machine only, or put a proxy in front.
ENV TLCORE_ALLOW_REMOTE=1
EXPOSE {PORT}
CMD ["python", "serve.py", "--host", "0.0.0.0"]
"""
_README = """\
# {title}

The model of run {run} as a small HTTP service. [What it is for, and where it fails]({card}).

```
pip install -r requirements.txt
python serve.py
curl --data-binary @picture.jpg http://127.0.0.1:{port}/predict
```

Or: `docker build -t model . && docker run -p 127.0.0.1:{port}:{port} model`

`/openapi.json` describes it, `/health` says whether it answers. It listens on 127.0.0.1 only, unless `TLCORE_ALLOW_REMOTE=1`
says that others may connect.

`run/` holds the model, its answers to the run's own pictures and their places in its feature space, without the pictures:
from these come calibrated probabilities, possible classes and the distance. `tlcore/` is the code that answers.
"""


def write_folder(run_dir: Path, about: About, card: Callable[[], str], to: Path) -> Path:
    """Write it. card: gives the model card's Markdown. Raises ConflictError where `to` holds something, InputError where it can't be written, NotFoundError without a model."""
    missing = [name for name in MODEL_FILES if not (run_dir / name).is_file()]
    if missing:
        raise NotFoundError(f"run {about.run} has no {' and '.join(missing)}. Wait for its end, or resume it.")
    try:
        if to.exists() and (not to.is_dir() or any(to.iterdir())):
            raise ConflictError(f"{to}: is there already. Give the path of a new folder.")
        texts = _texts(about, card())
        (to / RUN).mkdir(parents=True)
        try:
            _fill(run_dir, about, texts, to)
        except OSError:
            shutil.rmtree(to, ignore_errors=True)  # Half a folder would be refused the next time.
            raise
    except OSError as error:
        raise InputError(f"{to}: can't be written ({error.strerror}). Give the path of a new folder.") from None
    return to


def _fill(run_dir: Path, about: About, texts: Mapping[str, str], to: Path) -> None:
    for name in (*MODEL_FILES, *GROUNDS_FILES):
        if (run_dir / name).is_file():
            shutil.copyfile(run_dir / name, to / RUN / name)
    shutil.copytree(PACKAGE, to / PACKAGE.name, ignore=shutil.ignore_patterns("__pycache__", "assets", "templates"))
    (to / RUN / ABOUT).write_text(json.dumps(dataclasses.asdict(about)), encoding="utf-8")
    for name, text in texts.items():
        (to / name).write_text(text, encoding="utf-8")


def _texts(about: About, card: str) -> dict[str, str]:
    pinned = "".join(f"{name}=={importlib.metadata.version(name)}\n" for name in NEEDED)
    return {
        "serve.py": _SERVE,
        "requirements.txt": "# The versions that the model was checked with.\n" + pinned,
        "Dockerfile": _DOCKERFILE,
        "README.md": _README.format(title=about.title, run=about.run, card=CARD, port=PORT),
        CARD: card,
    }
