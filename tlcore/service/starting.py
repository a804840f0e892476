"""Listen at an address, answer until somebody ends it."""

from __future__ import annotations

import argparse
import json
import os
import socket
import sys
from collections.abc import Callable
from pathlib import Path

import uvicorn

from tlcore.addresses import is_loopback, refuse_open
from tlcore.errors import InputError, TLError
from tlcore.grounds import Grounds
from tlcore.predict import Model
from tlcore.service.answering import ANY_HOST, LOCAL_HOSTS, About, application

HOST, PORT = "127.0.0.1", 8000
ABOUT = "about.json"  # In a folder for other machines, beside the model.
RISK = "Whoever reaches this port can use this machine to look at pictures."


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--host", default=HOST, help=f"address to listen on; {HOST} unless told otherwise, others need TLCORE_ALLOW_REMOTE=1")
    parser.add_argument("--port", type=int, default=PORT, help=f"{PORT} unless told otherwise; 0 for any that is free")


def serve(run_dir: Path, about: About, host: str, port: int, say: Callable[[str], object]) -> None:
    """Answer until interrupted. Raises ConflictError for an open address, InputError where it can't be listened on, NotFoundError without a model."""
    from tlcore.nn import inference

    refuse_open(host, RISK)
    model = Model(inference.load(run_dir), Grounds.of(run_dir))
    listening = _listen(host, port)
    config = uvicorn.Config(application(model, about, hosts=hosts_at(host)), log_level="warning", timeout_keep_alive=5, timeout_graceful_shutdown=5, server_header=False)
    taken = listening.getsockname()[1]
    say(f"Run {about.run} answers at http://{_in_url(host)}:{taken}/predict; Ctrl-C ends it.")
    try:
        uvicorn.Server(config).run(sockets=[listening])
    except KeyboardInterrupt:  # Uvicorn passes it on once it has ended.
        pass
    finally:
        listening.close()


def hosts_at(host: str) -> tuple[str, ...]:
    """The names that requests may be for at an address."""
    return (*LOCAL_HOSTS, _in_url(host)) if is_loopback(host) else ANY_HOST


def _in_url(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _listen(host: str, port: int) -> socket.socket:
    if not 0 <= port < 65_536:
        raise InputError(f"port {port} is none. Give one between 0 and 65535 with --port.")
    try:
        return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        raise InputError(f"{host}:{port} can't be listened on ({os.strerror(error.errno) if error.errno else error}). Give another port with --port, or 0 for any.") from None


def main(run_dir: Path) -> int:
    """What a folder for other machines starts."""
    parser = argparse.ArgumentParser(description="Answer pictures over HTTP: POST one to /predict.")
    add_options(parser)
    options = parser.parse_args()
    try:
        serve(run_dir, About(**json.loads((run_dir / ABOUT).read_text(encoding="utf-8"))), options.host, options.port, lambda text: print(text, flush=True))
    except TLError as error:
        print(error, file=sys.stderr)
        return 2
    return 0
