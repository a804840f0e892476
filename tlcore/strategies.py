"""The ways of carrying over what a network knows: their settings, what each needs, and when it pays. No TensorFlow.

What each of them does is in the file of the same name in `tlcore/nn/strategies`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Union

from pydantic import Discriminator, Field, Tag

from tlcore.settings import Settings

Weight = Annotated[float, Field(gt=0, le=1000, description="How much this part of the loss counts beside the classification.")]


class Strategy(Settings):
    """Base of all: what a strategy reads besides the labelled pictures of the target.

    domain: labelled: learns from the target's labelled pictures only. both: from the source's pictures too.
    source: from the source's only, among them its validation pictures. unlabelled: from the source's, and from
    the target's without a label. semi: from the target's labelled and unlabelled ones, and the source's if there are any.
    """

    name: str
    title: ClassVar[str]
    help: ClassVar[str]
    domain: ClassVar[Literal["labelled", "both", "source", "unlabelled", "semi"]] = "labelled"

    @property
    def reads_target_labels(self) -> bool:
        """Whether labels of the target's training and validation pictures are used."""
        return self.domain in ("labelled", "both", "semi")

    @property
    def reads_unlabelled(self) -> bool:
        """Whether pictures of the target are used without their labels."""
        return self.domain in ("unlabelled", "semi")

    @property
    def needs_source(self) -> bool:
        return self.domain in ("both", "source", "unlabelled")

    @property
    def one_rate(self) -> bool:
        """Whether all weights that learn do so at one rate from the first epoch on."""
        return True

    @classmethod
    def selects_from(cls, epochs: int) -> int:
        """The first of so many epochs that may be chosen as the best one; before it the latest is."""
        return 1


class Frozen(Strategy):
    """Blocks below the cut never change and are computed once."""

    name: Literal["frozen"] = "frozen"
    title: ClassVar = "Frozen"
    help: ClassVar = (
        "A new head on a network that stays as it is. Pays when labels are few and the pictures resemble what the network has seen; "
        "it takes seconds, since the frozen layers see each picture once. Blocks that are set to learn do so at the head's rate."
    )


class LearnsBlocks(Strategy):
    """Base of those in which blocks of the backbone learn."""

    rate_factor: float = Field(1.0, gt=0, le=1, description="Step size of each block as a share of the block above it. Lower: deep layers, which know the most general things, change less. 1: all alike.")
    batch_norm: Literal["inference", "training"] = Field("inference", description="inference: batch normalisation keeps its statistics, right for small batches; training: they follow the new pictures.")

    @property
    def one_rate(self) -> bool:
        return self.rate_factor == 1


class FineTune(LearnsBlocks):
    """The topmost blocks learn together with the head."""

    name: Literal["fine_tune"] = "fine_tune"
    title: ClassVar = "Fine-tune"
    help: ClassVar = (
        "The topmost blocks go on learning, the deep ones more slowly if you wish. Pays when there are hundreds of labelled pictures a class, or when they look "
        "unlike what the network has seen. Take a tenth of the head's usual rate or less, and a few epochs of warm-up."
    )


class LinearProbeThenFineTune(LearnsBlocks):
    """The head first, then fine-tuning from there."""

    name: Literal["lp_ft"] = "lp_ft"
    title: ClassVar = "Head first, then fine-tune"
    help: ClassVar = (
        "The head learns alone until it makes sense, only then do blocks below it move. A fresh head's random gradients would spoil them. "
        "Pays over plain fine-tuning when the pictures that count later differ from those that are learnt from."
    )
    head_epochs: int = Field(5, ge=1, le=1000, description="Epochs in which the head learns alone; they cost next to nothing.")
    head_rate: float = Field(1e-3, gt=0, le=10, description="Step size of the head while it learns alone.")

    @property
    def one_rate(self) -> bool:
        return False


class Gradual(LearnsBlocks):
    """Blocks thaw one after another, from the top."""

    name: Literal["gradual"] = "gradual"
    title: ClassVar = "Thaw block by block"
    help: ClassVar = (
        "First the head learns, then the topmost block with it, then the next one. What the deep blocks know is touched last and least. "
        "Pays with few labels and many blocks to learn; give it epochs enough to reach them."
    )
    epochs_per_block: int = Field(1, ge=1, le=1000, description="Epochs before the next block joins in. Higher: gentler, and more epochs are needed.")

    @property
    def one_rate(self) -> bool:
        return False


class Scratch(Strategy):
    """The same architecture from random weights."""

    name: Literal["scratch"] = "scratch"
    title: ClassVar = "From scratch"
    help: ClassVar = (
        "Nothing is carried over: the same network starts from random weights, and all of it learns. Here as the yardstick, so that the gain of transfer is a number; "
        "it wins only with very many labelled pictures."
    )


class SourceOnly(Strategy):
    """Learn from the source and hope."""

    name: Literal["source_only"] = "source_only"
    title: ClassVar = "Source only"
    help: ClassVar = "Learns from the source's labels and is tested on the target as it is. The lower end of the comparison: what adaptation has to beat."
    domain: ClassVar = "source"


class TargetOnly(Strategy):
    """Learn from the target's labelled pictures alone."""

    name: Literal["target_only"] = "target_only"
    title: ClassVar = "Target only"
    help: ClassVar = "Learns from the target's labelled pictures and ignores the source. The other end of the comparison: with labels enough nothing beats it."


class Mixed(Strategy):
    """One network on source and labelled target together."""

    name: Literal["mixed"] = "mixed"
    title: ClassVar = "Mixed"
    help: ClassVar = "Every batch holds pictures of both domains in fixed shares. Pays when a few target labels exist; simple, and hard to beat."
    domain: ClassVar = "both"
    source_share: float = Field(0.5, gt=0, lt=1, description="Share of source pictures in a batch. Higher: more varied, less of the target.")


class TwoStream(Strategy):
    """A source picture and a target picture through two copies of the backbone."""

    name: Literal["two_stream"] = "two_stream"
    title: ClassVar = "Two streams"
    help: ClassVar = (
        "Pairs of the same class, one picture from each domain, go through two copies of the network whose features are joined. The recipe of many courses, here to be compared: "
        "when it is used, one picture goes through both copies, which it never saw in training, so mixed training is usually better at half the cost."
    )
    domain: ClassVar = "both"


class PseudoLabel(Strategy):
    """Confident predictions on unlabelled pictures become labels."""

    name: Literal["pseudo_label"] = "pseudo_label"
    title: ClassVar = "Pseudo-labels"
    help: ClassVar = (
        "What the network is sure of on unlabelled target pictures is taken as their label, more of it from epoch to epoch. Pays with many unlabelled pictures and a network that is mostly right already; "
        "a network that is wrong becomes surer of it."
    )
    domain: ClassVar = "semi"
    threshold: float = Field(0.9, gt=0, lt=1, description="Probability from which a prediction becomes a label. Higher: fewer and righter ones.")
    warm_epochs: int = Field(3, ge=0, le=1000, description="Epochs on labelled pictures alone before the first pseudo-labels.")
    ramp_epochs: int = Field(5, ge=1, le=1000, description="Epochs in which the weight of pseudo-labels grows from nothing to its full value.")
    weight: Weight = 1.0
    balance: bool = Field(True, description="No class gives more pseudo-labels than the median of those that give any, surest first, so that an easy class doesn't take over.")


class Adaptation(LearnsBlocks):
    """Base of those that make the features of both domains alike without a target label."""

    domain: ClassVar = "unlabelled"
    weight: Weight = 1.0

    @classmethod
    def selects_from(cls, epochs: int) -> int:
        """In the second half: the source's figures alone are best before the domains have come together."""
        return 1 + epochs // 2


class Dann(Adaptation):
    """A domain classifier that the features learn to deceive."""

    name: Literal["dann"] = "dann"
    title: ClassVar = "Adversarial (DANN)"
    help: ClassVar = (
        "A second head tries to tell the domains apart, and the network learns features with which it can't. No target label is needed; blocks that learn are, or a hidden layer in the head. "
        "Pays when the domains differ in style and share their classes; it can be unstable, so compare seeds."
    )
    gamma: float = Field(10.0, gt=0, le=100, description="How fast the adversary gains weight over the course of training, as in the paper.")
    discriminator_units: int = Field(128, ge=1, le=4096, description="Units of the two hidden layers of the domain classifier.")


class Coral(Adaptation):
    """Equal covariances of features in both domains."""

    name: Literal["coral"] = "coral"
    title: ClassVar = "CORAL"
    help: ClassVar = "Draws the covariances of both domains' features together. Needs no target label, is stable, and helps a little where the domains differ in style."


class Mmd(Adaptation):
    """Equal distributions of features in both domains, seen through Gaussian kernels."""

    name: Literal["mmd"] = "mmd"
    title: ClassVar = "MMD"
    help: ClassVar = "Draws the whole distributions of both domains' features together, as kernels see them. Needs no target label; more sensitive than CORAL, and more in need of large batches."


ALL = (Frozen, FineTune, LinearProbeThenFineTune, Gradual, Scratch, SourceOnly, TargetOnly, Mixed, TwoStream, PseudoLabel, Dann, Coral, Mmd)
STRATEGIES: dict[str, type[Strategy]] = {cls.model_fields["name"].default: cls for cls in ALL}


def _named(document: Any) -> Any:
    """Which strategy a document means; one without a name is the usual one."""
    if isinstance(document, Strategy):
        return document.name
    return document.get("name", Frozen.model_fields["name"].default) if isinstance(document, Mapping) else None


if TYPE_CHECKING:
    AnyStrategy = Strategy
else:
    AnyStrategy = Annotated[
        Union[tuple(Annotated[cls, Tag(name)] for name, cls in STRATEGIES.items())],  # noqa: UP007
        Discriminator(
            _named, custom_error_type="strategy", custom_error_context={"known": ", ".join(STRATEGIES)},
            custom_error_message="it should be a group with a name, one of {known}",
        ),
    ]
