"""A browser without a screen: asks the real server for pages through Streamlit's own websocket."""

from __future__ import annotations

import dataclasses
import time
from types import TracebackType
from urllib.parse import urlsplit

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.sync.client import connect

ANSWER_S = 60.0


@dataclasses.dataclass(frozen=True)
class View:
    """One run of a page's script, as the browser sees it."""

    seconds: float  # From the request to the word that the script has ended.
    bytes: int  # All that came through the websocket meanwhile.
    elements: int


class Visitor:
    """A session of its own, until closed."""

    def __init__(self, url: str) -> None:
        address = urlsplit(url).netloc
        self._socket = connect(f"ws://{address}/_stcore/stream", subprotocols=["streamlit"], max_size=None, compression=None)  # type: ignore[list-item]
        self._url = url
        self.polled: dict[str, float] = {}  # Seconds between two looks, by the part of the page that asked for them.

    def __enter__(self) -> Visitor:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._socket.close()

    def view(self, path: str) -> View:
        """Have the page `path`, such as `runs?run=3`, run once. Raises RuntimeError where it shows an error."""
        self.polled.clear()
        return self._run(path, "")

    def poll(self, path: str) -> View:
        """Have the part of the page that refreshes itself run once, as the browser does on its own."""
        (part,) = self.polled
        return self._run(path, part)

    def _run(self, path: str, part: str) -> View:
        name, _, query = path.partition("?")
        message = BackMsg()
        state = message.rerun_script
        state.query_string, state.page_name = query, name
        state.fragment_id, state.is_auto_rerun = part, bool(part)
        state.context_info.url, state.context_info.color_scheme = f"{self._url}/{path}", "light"
        began = time.perf_counter()
        self._socket.send(message.SerializeToString())
        size = elements = 0
        while True:
            data = self._socket.recv(timeout=ANSWER_S)
            size += len(data)
            answer = ForwardMsg.FromString(data if isinstance(data, bytes) else data.encode())
            kind = answer.WhichOneof("type")
            if kind == "delta":
                elements += 1
                _check(answer, path)
            elif kind == "auto_rerun":
                self.polled[answer.auto_rerun.fragment_id] = answer.auto_rerun.interval
            elif kind == "script_finished" and answer.script_finished != ForwardMsg.FINISHED_EARLY_FOR_RERUN:
                if answer.script_finished not in (ForwardMsg.FINISHED_SUCCESSFULLY, ForwardMsg.FINISHED_FRAGMENT_RUN_SUCCESSFULLY):
                    raise RuntimeError(f"/{path} did not run: {ForwardMsg.ScriptFinishedStatus.Name(answer.script_finished)}")
                return View(time.perf_counter() - began, size, elements)


def _check(answer: ForwardMsg, path: str) -> None:
    """What is measured must be the page itself, not a sentence about what went wrong."""
    element = answer.delta.new_element
    kind = element.WhichOneof("type")
    if kind == "exception" or (kind == "alert" and element.alert.format in (element.alert.ERROR, element.alert.WARNING)):
        raise RuntimeError(f"/{path} shows: {element.exception.message or element.alert.body}")
