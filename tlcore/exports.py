"""The formats in which a finished model can be taken away, and what is known of each file that was made."""

from __future__ import annotations

import dataclasses
import functools
import importlib.util
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from tlcore.amounts import size
from tlcore.errors import ConflictError, InputError, NotFoundError, ResourceError
from tlcore.results import PICTURES

EXPORTS, CHECK, CLASSES, EXAMPLE, CARD = "exports", "check.json", "classes.json", "example.py", "MODEL_CARD.md"
CHECKED_PICTURES, INT8_CHECKED_PICTURES = 100, 500
MOST_DIFFERENCE = 1e-4  # Of a probability, in float32.
MOST_ACCURACY_LOST = 0.05  # By int8.


@dataclasses.dataclass(frozen=True, eq=False)
class Format:
    """One format. `needs` and `int8_needs`: importable name → what to install, to make and to check a file of it."""

    name: str
    title: str
    file: str  # In the export's folder; a folder itself for SavedModel.
    use: str
    runtime: tuple[str, ...]  # What whoever uses the file has to install.
    needs: Mapping[str, str]
    loading: str  # Lines of Python that end in `answers`, one row of probabilities a picture.
    int8_needs: Mapping[str, str] | None = None  # None: there is no int8 of it.
    beside: tuple[str, ...] = ()  # Files that `file` doesn't work without.

    @property
    def has_int8(self) -> bool:
        return self.int8_needs is not None


_KERAS = """\
import keras

model = keras.models.load_model("model.keras")
answers = model.predict(pixels, verbose=0)"""
_SAVEDMODEL = """\
import tensorflow as tf

model = tf.saved_model.load("model").signatures["serving_default"]
answers = model(pixels=tf.constant(pixels))["probabilities"].numpy()"""
_LITERT = """\
from ai_edge_litert.interpreter import Interpreter

model = Interpreter("model.tflite")
model.allocate_tensors()
model.set_tensor(model.get_input_details()[0]["index"], pixels)
model.invoke()
answers = model.get_tensor(model.get_output_details()[0]["index"])"""
_ONNX = """\
import onnxruntime

model = onnxruntime.InferenceSession("model.onnx")
answers = model.run(["probabilities"], {"pixels": pixels})[0]"""
_OPENVINO = """\
import openvino

# f32: some processors would otherwise round to bfloat16.
model = openvino.Core().compile_model("model.xml", "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
answers = model(pixels)[0]"""

FORMATS: dict[str, Format] = {
    each.name: each
    for each in (
        Format("keras", "Keras", "model.keras", "To go on training, or to look inside, in Python with Keras 3.", ("tensorflow",), {}, _KERAS),
        Format("savedmodel", "SavedModel", "model", "For TensorFlow without Keras, and for TensorFlow Serving.", ("tensorflow",), {}, _SAVEDMODEL),
        Format("litert", "LiteRT", "model.tflite", "For phones and small boards; formerly TensorFlow Lite.", ("ai-edge-litert",), {"ai_edge_litert": "ai-edge-litert"}, _LITERT, {}),
        Format(
            "onnx", "ONNX", "model.onnx", "For most other runtimes and languages: ONNX Runtime, .NET, Java, JavaScript.",
            ("onnxruntime",), {"onnx": "onnx", "tf2onnx": "tf2onnx", "onnxruntime": "onnxruntime"}, _ONNX,
        ),
        Format("openvino", "OpenVINO", "model.xml", "Fast on Intel and other processors; model.bin belongs to it.", ("openvino",), {}, _OPENVINO, {"nncf": "nncf"}, ("model.bin",)),
    )
}  # fmt: skip

_EXAMPLE = '''\
"""python {example} picture.jpg: which class it is, and how probable that is."""
import json, sys
import numpy as np
from PIL import Image, ImageOps

picture = ImageOps.exif_transpose(Image.open(sys.argv[1]))
if picture.mode.startswith("I"):  # 16 bits become 8.
    picture = Image.fromarray(np.uint8(np.asarray(picture) / 257 + 0.5))
layer = picture.convert("RGBA")
picture = Image.new("RGB", layer.size, "white")  # What is transparent is white.
picture.paste(layer, mask=layer)
pixels = np.asarray(ImageOps.fit(picture, ({side_px}, {side_px}), Image.Resampling.BILINEAR))[None]

{loading}

classes = json.load(open("{classes}", encoding="utf-8"))
print(classes[answers[0].argmax()], float(answers[0].max()))
'''


class Kind(NamedTuple):
    """A format, as float32 or int8."""

    format: Format
    int8: bool = False

    @property
    def name(self) -> str:
        """The folder's name, and the word for it on the command line and in a job."""
        return f"{self.format.name}-int8" if self.int8 else self.format.name

    @property
    def title(self) -> str:
        return f"{self.format.title}, int8" if self.int8 else self.format.title

    @property
    def missing(self) -> tuple[str, ...]:
        """What has to be installed before this can be made."""
        wanted = {**self.format.needs, **(self.format.int8_needs or {} if self.int8 else {})}
        return tuple(package for module, package in wanted.items() if importlib.util.find_spec(module) is None)

    def refuse_missing(self) -> None:
        """Raise ResourceError naming the packages that are missing."""
        if self.missing:
            packages = " ".join(self.missing)
            raise ResourceError(f"{self.title} needs {' and '.join(self.missing)}, which this machine lacks. Install it: pip install {packages}")

    def folder(self, run_dir: Path) -> Path:
        return run_dir / EXPORTS / self.name

    def example(self, side_px: int) -> str:
        """A short script that asks the file about a picture; it runs in the export's folder."""
        return _EXAMPLE.format(example=EXAMPLE, side_px=side_px, loading=self.format.loading, classes=CLASSES)


def kind_of(name: str, int8: bool = False) -> Kind:
    """Raises InputError for a format that isn't there, or has no int8."""
    found = FORMATS.get(name)
    if found is None:
        raise InputError(f"there is no format '{name}'. Choose one of: {', '.join(FORMATS)}.")
    if int8 and not found.has_int8:
        others = ", ".join(each.name for each in FORMATS.values() if each.has_int8)
        raise InputError(f"{found.title} has no int8 here. Leave it off, or choose one of: {others}.")
    return Kind(found, int8)


@functools.cache
def kinds() -> tuple[Kind, ...]:
    """All that can be made, each int8 after its float32."""
    return tuple(Kind(each, int8) for each in FORMATS.values() for int8 in (False, True) if not int8 or each.has_int8)


@dataclasses.dataclass(frozen=True)
class Check:
    """What its own runtime made of a file in a process of its own, against the network it was made from.

    Shares in accuracy and agreement, both on the same pictures; latency for one picture at a time.
    """

    kind: str
    part: str  # Of the run's pictures: test, or val where these are left for others.
    pictures: int
    largest_difference: float  # Of any class's probability.
    agreement: float  # Pictures with the same most probable class.
    accuracy_before: float
    accuracy: float
    latency_ms: float
    bytes: int
    versions: Mapping[str, str]
    calibrated_on: int = 0  # Training pictures; 0 without quantisation.

    def to_document(self) -> dict[str, Any]:
        return dataclasses.asdict(self)

    def facts(self) -> list[str]:
        """The same in words, the size first."""
        same = "all" if self.agreement == 1 else f"{self.agreement:.1%} of"
        facts = [size(self.bytes), f"{self.latency_ms:.1f} ms a picture", f"same class on {same} {self.pictures:,} {PICTURES[self.part]}"]
        if self.calibrated_on:
            facts.append(f"accuracy {self.accuracy_before:.1%} before, {self.accuracy:.1%} after")
        small = self.largest_difference < MOST_DIFFERENCE
        return [*facts, f"probabilities differ by {f'less than {MOST_DIFFERENCE:g}' if small else f'up to {self.largest_difference:.1g}'}"]

    def refuse_other(self, kind: Kind) -> None:
        """Raise ConflictError where the file isn't what the network is. Written so that NaN is refused too."""
        if kind.int8 and not self.accuracy >= self.accuracy_before - MOST_ACCURACY_LOST:
            raise ConflictError(
                f"{kind.title}: accuracy falls from {self.accuracy_before:.1%} to {self.accuracy:.1%} on {self.pictures} {PICTURES[self.part]}, "
                f"and {100 * MOST_ACCURACY_LOST:.0f} points are allowed. Take float32."
            )
        if not kind.int8 and not self.largest_difference <= MOST_DIFFERENCE:
            raise ConflictError(
                f"{kind.title}: on {self.pictures} {PICTURES[self.part]} a probability differs by {self.largest_difference:.2g} from the network's, "
                f"and {MOST_DIFFERENCE:g} is allowed. Choose another format."
            )


def check_of(run_dir: Path, kind: Kind) -> Check | None:
    """The figures of an export that was made; None where there is none."""
    try:
        return Check(**json.loads((kind.folder(run_dir) / CHECK).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def made(run_dir: Path) -> dict[Kind, Check]:
    """All exports of a run that passed their check."""
    found = {kind: check_of(run_dir, kind) for kind in kinds()}
    return {kind: check for kind, check in found.items() if check is not None}


def pack(folder: Path, to: Path | BinaryIO) -> None:
    """Write an export's folder as a ZIP. Models hardly get smaller, so nothing is compressed."""
    with zipfile.ZipFile(to, "w", zipfile.ZIP_STORED) as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                archive.write(path, path.relative_to(folder))


def require(run_dir: Path, kind: Kind) -> Path:
    """The folder of an export that is there. Raises NotFoundError."""
    if check_of(run_dir, kind) is None:
        raise NotFoundError(f"run {run_dir.name}: there is no {kind.title} file. Make it on the run's Export tab, or with `python -m tlcore export`.")
    return kind.folder(run_dir)
