"""The HTTP service of a model, over a linear classifier of digits: answers, refusals, limits."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
from collections.abc import Iterator
from http.client import HTTPConnection

import jsonschema
import numpy as np
import pytest
import uvicorn
from PIL import Image

from tests.finished_run import png
from tests.strange_pictures import CUT_SHORT, REFUSED, TAKEN, photo, saved
from tests.test_predict import Linear
from tlcore.conformal import Conformal
from tlcore.grounds import Grounds
from tlcore.predict import Model, Seen, predict
from tlcore.service.answering import About, Limits, application
from tlcore.service.starting import hosts_at

MODEL = Model(Linear((0, 3, 8)), Grounds(temperature=2.0, conformal=Conformal(np.linspace(0, 0.9, 99))))
USUAL = Limits()


@contextlib.contextmanager
def serving(model: Model = MODEL, limits: Limits = USUAL, host: str = "127.0.0.1") -> Iterator[int]:
    """The service at a free port."""
    listening = socket.create_server((host, 0), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    server = uvicorn.Server(uvicorn.Config(application(model, About(7, "digits"), limits, hosts_at(host)), log_level="warning"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    try:
        yield listening.getsockname()[1]
    finally:
        server.should_exit = True
        thread.join()
        listening.close()


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with serving() as number:
        yield number


def ask(port: int, body: bytes | Iterator[bytes] = b"", path: str = "/predict", method: str = "POST", **headers: str) -> tuple[int, dict]:
    connection = HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()}, encode_chunked=not isinstance(body, bytes))
        answer = connection.getresponse()
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        return answer.status, json.loads(answer.read())
    finally:
        connection.close()


def form(name: str, data: bytes, field: str = "picture") -> tuple[bytes, str]:
    head = f'--edge\r\nContent-Disposition: form-data; name="{field}"; filename="{name}"\r\nContent-Type: image/png\r\n\r\n'
    return head.encode() + data + b"\r\n--edge--\r\n", "multipart/form-data; boundary=edge"


def test_the_answer_is_that_of_predict(port):
    data = saved(photo(), "PNG")
    status, said = ask(port, data)
    verdict = next(predict({"m": MODEL}, [("picture", data)])).verdicts["m"]
    assert status == 200 and said["run"] == 7 and said["size_px"] == [96, 64]
    assert said["probabilities"] == {name: pytest.approx(float(p), abs=1e-6) for name, p in zip(verdict.classes, verdict.given, strict=True)}
    assert said["calibrated"][said["class"]] == pytest.approx(verdict.confidence, abs=1e-6)
    assert said["possible"] == verdict.possible(MODEL.grounds, 0.9) and said["distance"] is said["unlike"] is None


def test_a_form_and_another_coverage(port):
    body, kind = form("cat.png", saved(photo(), "PNG"))
    status, said = ask(port, body, "/predict?coverage=0.5", Content_Type=kind)
    assert status == 200 and said["file"] == "cat.png" and said["coverage"] == 0.5


def test_the_description_fits_the_answers(port):
    status, document = ask(port, path="/openapi.json", method="GET")
    operation = document["paths"]["/predict"]["post"]
    schema = {status: response["content"]["application/json"]["schema"] for status, response in operation["responses"].items()}
    jsonschema.validate(ask(port, saved(photo(), "PNG"))[1], schema["200"], jsonschema.Draft202012Validator)
    jsonschema.validate(ask(port, b"none")[1], schema["422"], jsonschema.Draft202012Validator)
    assert status == 200 and document["openapi"] == "3.1.0" and schema["200"]["properties"]["class"]["enum"] == ["0", "3", "8"]
    jsonschema.validate(ask(port, path="/health", method="GET")[1], document["paths"]["/health"]["get"]["responses"]["200"]["content"]["application/json"]["schema"])
    assert ask(port, path="/", method="GET")[1]["predict"] == "POST /predict"


@pytest.mark.parametrize(("data", "said"), REFUSED)
def test_what_is_no_usable_picture_is_one_sentence(port, data, said):
    status, answer = ask(port, data)
    assert status == 422 and set(answer) == {"error"}
    assert said in answer["error"] and answer["error"].startswith("picture: ") and "\n" not in answer["error"]


@pytest.mark.parametrize("kind", TAKEN)
def test_what_is_strange_and_usable_is_answered(port, kind):
    status, answer = ask(port, TAKEN[kind])
    assert status == 200 and sum(answer["probabilities"].values()) == pytest.approx(1, abs=1e-5)
    assert bool(answer["notes"]) == (kind in ("turned by EXIF", "animated"))


@pytest.mark.parametrize("kind", CUT_SHORT)
def test_what_is_cut_short_is_one_sentence(port, kind):
    assert ask(port, CUT_SHORT[kind]) == (422, {"error": ask(port, CUT_SHORT[kind])[1]["error"]})
    assert f"the {kind} file is" in ask(port, CUT_SHORT[kind])[1]["error"]


@pytest.mark.parametrize(
    ("request_", "status", "said"),
    [
        ({"path": "/predict?coverage=2"}, 422, "no share between 0 and 1"),
        ({"path": "/predict?coverage=nan"}, 422, "no share between 0 and 1"),
        ({"path": "/predict?coverage=<b>"}, 422, "no share between 0 and 1"),
        ({"path": "/../etc/passwd", "method": "GET"}, 404, "There is nothing at"),
        ({"method": "GET"}, 405, "GET isn't for /predict"),
        ({"body": b"--edge--\r\n", "Content_Type": "multipart/form-data; boundary=edge"}, 422, "holds no file"),
        ({"body": b"nonsense", "Content_Type": "multipart/form-data; boundary=edge"}, 422, "The form can't be read"),
        ({"body": b"nonsense", "Content_Type": "multipart/form-data"}, 422, "The form can't be read (Missing boundary in multipart). Send the picture as a file field"),
        ({"body": form("a.png", b"x")[0][:-20], "Content_Type": form("a.png", b"x")[1]}, 422, ""),
    ],
)
def test_other_mistakes_are_one_sentence_too(port, request_, status, said):
    found, answer = ask(port, **request_)
    assert found == status and set(answer) == {"error"} and said in answer["error"]


def test_a_body_without_end_is_refused_when_it_is_too_large_whatever_it_declares():
    with serving(limits=Limits(picture_bytes=1 << 20)) as port:
        assert ask(port, b"x" * (1 << 20 | 1)) == (413, {"error": "The picture is larger than 1 MiB. Send a smaller one."})
        with socket.create_connection(("127.0.0.1", port)) as line:
            line.sendall(b"POST /predict HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n")
            sent = 0
            with contextlib.suppress(ConnectionError):
                while sent < 64 << 20:
                    line.sendall(b"10000\r\n" + b"x" * 0x10000 + b"\r\n")
                    sent += 0x10000
            with contextlib.suppress(ConnectionError):
                assert b"413" in line.recv(100)
        assert sent < 32 << 20, "it went on reading"
        assert ask(port, saved(photo(), "PNG"))[0] == 200


@pytest.mark.parametrize(("size", "path", "status"), [(24 << 20, "/predict", 413), (24 << 20, "/predict?coverage=2", 413), (8 << 20, "/predict?coverage=2", 422)])
def test_who_sends_everything_before_reading_sees_the_answer(size, path, status):
    with serving(limits=Limits(picture_bytes=8 << 20)) as port:
        assert ask(port, bytes(size), path)[0] == status


@pytest.mark.parametrize("head", [b"Content-Length: 99000000000", b"Content-Length: 2000000\r\nExpect: 100-continue"])
def test_what_is_declared_too_large_is_refused_before_it_is_sent(head):
    with serving(limits=Limits(picture_bytes=1 << 20)) as port, socket.create_connection(("127.0.0.1", port), timeout=5) as line:
        line.sendall(b"POST /predict HTTP/1.1\r\nHost: localhost\r\n" + head + b"\r\n\r\n")
        assert line.recv(100).startswith(b"HTTP/1.1 413")


@pytest.mark.parametrize("host", ["127.0.0.2", "::1"])
def test_other_addresses_of_this_machine_answer_by_their_own_name(host):
    try:
        with serving(host=host) as port:
            connection = HTTPConnection(host, port, timeout=10)
            connection.request("GET", "/health")
            assert connection.getresponse().status == 200
            connection.close()
    except OSError as error:
        pytest.skip(f"this machine has no {host}: {error}")


def test_a_slow_sender_is_not_waited_for():
    with serving(limits=Limits(arrive_s=0.3)) as port, socket.create_connection(("127.0.0.1", port)) as line:
        line.sendall(b"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: 900\r\n\r\nx")
        answer = b"".join(iter(lambda: line.recv(10_000), b""))
        assert b"408" in answer.splitlines()[0] and b"took more than 0.3 s to arrive" in answer


class Slow(Linear):
    """Takes its time."""

    def look(self, pixels: np.ndarray, closely: bool = False) -> Seen:
        time.sleep(1.5)
        return super().look(pixels, closely)


def test_beyond_so_many_at_once_one_is_told_to_come_back_and_a_slow_answer_ends():
    digit = png(Image.new("RGB", (8, 8), "white"))
    with serving(Model(Slow((0, 3, 8))), Limits(at_once=1, answer_s=0.5)) as port:
        found: list[tuple[int, dict]] = []
        first = threading.Thread(target=lambda: found.append(ask(port, digit)))
        first.start()
        until = time.monotonic() + 5
        while ask(port, path="/health", method="GET")[1]["busy"] == 0 and time.monotonic() < until:
            time.sleep(0.01)
        found_503 = [ask(port, body) for body in (digit, bytes(24 << 20))]
        first.join()
        assert all(status == 503 and "Try again" in said["error"] for status, said in found_503)
        assert found[0] == (504, {"error": "The answer took more than 0.5 s. Send a smaller picture, or try again."})
        assert ask(port, path="/health", method="GET")[1]["busy"] == 0


def test_one_who_hangs_up_leaves_no_trace(port, capfd):
    with socket.create_connection(("127.0.0.1", port)) as line:
        line.sendall(b"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: 900\r\n\r\nx")
    time.sleep(0.3)
    assert ask(port, path="/health", method="GET")[1]["busy"] == 0
    assert "Traceback" not in "".join(capfd.readouterr())


def test_a_page_elsewhere_that_had_its_name_point_here_gets_nothing(port):
    connection = HTTPConnection("127.0.0.1", port)
    connection.request("GET", "/health", headers={"Host": "evil.example"})
    answer = connection.getresponse()
    assert answer.status == 400 and b"ok" not in answer.read()
    connection.close()
