"""Which pretrained networks there are, and what one must know to use them; data only."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping

from tlcore.errors import InputError

ELSEWHERE = ("set", "run")  # Values of `backbone.weights` that every backbone has: weights that are not its own.


@dataclasses.dataclass(frozen=True)
class BackboneSpec:
    """One pretrained network without its classifier.

    Units: sizes in pixels; `top1` is the published ImageNet-1k accuracy at `usual_size` as a fraction.
    Blocks run from the bottom (next to the picture) to the top. `block_ends[i]` is the layer after
    which one single tensor carries everything, so the network can be cut there; the last one is the
    output.
    """

    name: str
    builder: str  # Function of keras.applications, or ResNet20 of this project.
    year: int
    params: int
    top1: float | None
    preprocessing: str  # tf: -1..1; caffe: BGR minus means; torch: 0..1 standardised; none: inside the network.
    min_size: int
    usual_size: int
    feature_dim: int
    blocks: tuple[str, ...]
    block_ends: tuple[str, ...]
    block_params: tuple[int, ...]
    block_maps: tuple[tuple[int, int], ...]  # Side and channels of each block's feature map at `usual_size`.
    block_costs: tuple[tuple[int, int, int], ...]  # Multiply-adds, numbers that its layers give, and layers of each block; one picture at `usual_size`.
    licence: str  # Of the weights.
    trained_on: str
    weights: tuple[str, ...]  # Its own values of the setting `backbone.weights`.
    weights_file: str  # Where Keras keeps the checkpoint, below its models folder; {size} where the name has one.
    paper: str
    kwargs: Mapping[str, float] = dataclasses.field(default_factory=dict, hash=False)
    checkpoint_sizes: tuple[int, ...] = ()  # Input sizes with a checkpoint of their own; empty: one for all.

    @property
    def choices(self) -> tuple[str, ...]:
        """All values of the setting `backbone.weights`."""
        return (*self.weights, *ELSEWHERE)

    def params_above(self, trainable_blocks: int) -> int:
        """Parameters of the topmost `trainable_blocks` blocks."""
        return sum(self.block_params[len(self.block_params) - trainable_blocks :])

    def costs(self, first: int, end: int, side_px: int) -> tuple[float, float, int]:
        """Multiply-adds, numbers given and layers of blocks `first` to `end` - 1, about, for a picture of `side_px`; exact at `usual_size`."""
        share = (side_px / self.usual_size) ** 2  # Both grow with the positions of the maps.
        chosen = self.block_costs[first:end]
        return share * sum(c[0] for c in chosen), share * sum(c[1] for c in chosen), sum(c[2] for c in chosen)

    def map_side(self, block: int, side_px: int) -> int:
        """About how many positions a side block `block` leaves of an input of `side_px`; exact at `usual_size`."""
        return max(1, math.ceil(self.block_maps[block][0] * side_px / self.usual_size))


def spec(name: str) -> BackboneSpec:
    """The backbone called `name`. Raises InputError listing those that exist."""
    try:
        return BACKBONES[name]
    except KeyError:
        raise InputError(f"backbone '{str(name)[:60]}' is not known. Choose one of: {', '.join(BACKBONES)}.") from None


def _numbered(first: tuple[str, ...], word: str, numbers: range | tuple, last: tuple[str, ...] = ()) -> tuple[str, ...]:
    return (*first, *(f"{word} {number}" for number in numbers), *last)


_MOBILENET_ENDS = ("conv1_relu", *(f"conv_pw_{i}_relu" for i in range(1, 14)))
_IMAGENET = ("imagenet", "none")

_SPECS = (
    BackboneSpec(
        name="ResNet20", builder="ResNet20", year=2015, params=273_392, top1=None,
        preprocessing="tf", min_size=16, usual_size=32, feature_dim=64,
        blocks=("stem", "stage 1", "stage 2", "stage 3"),
        block_ends=("stem_relu", "stage1_unit3_out", "stage2_unit3_out", "stage3_unit3_out"),
        block_params=(496, 14208, 52096, 206592),
        block_maps=((32, 16), (32, 16), (16, 32), (8, 64)),
        block_costs=((442368, 49152, 3), (14155776, 344064, 21), (13107200, 188416, 23), (13107200, 94208, 23)),
        licence="Apache-2.0 (trained by this project)", trained_on="CIFAR-10", weights=("bundled", "none"),
        weights_file="resnet20_cifar10.weights.h5",
        paper="He et al. 2015, Deep Residual Learning for Image Recognition, arXiv:1512.03385",
    ),
    BackboneSpec(
        name="VGG16", builder="VGG16", year=2014, params=14_714_688, top1=0.713,
        preprocessing="caffe", min_size=32, usual_size=224, feature_dim=512,
        blocks=_numbered((), "block", range(1, 6)),
        block_ends=("block1_pool", "block2_pool", "block3_pool", "block4_pool", "block5_pool"),
        block_params=(38720, 221440, 1475328, 5899776, 7079424),
        block_maps=((112, 64), (56, 128), (28, 256), (14, 512), (7, 512)),
        block_costs=((1936392192, 7225344, 3), (2774532096, 3612672, 3), (4624220160, 2609152, 4), (4624220160, 1304576, 4), (1387266048, 326144, 4)),
        licence="CC BY 4.0 (Visual Geometry Group, Oxford)", trained_on="ImageNet-1k", weights=_IMAGENET,
        weights_file="vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5",
        paper="Simonyan & Zisserman 2014, Very Deep Convolutional Networks, arXiv:1409.1556",
    ),
    BackboneSpec(
        name="VGG19", builder="VGG19", year=2014, params=20_024_384, top1=0.713,
        preprocessing="caffe", min_size=32, usual_size=224, feature_dim=512,
        blocks=_numbered((), "block", range(1, 6)),
        block_ends=("block1_pool", "block2_pool", "block3_pool", "block4_pool", "block5_pool"),
        block_params=(38720, 221440, 2065408, 8259584, 9439232),
        block_maps=((112, 64), (56, 128), (28, 256), (14, 512), (7, 512)),
        block_costs=((1936392192, 7225344, 3), (2774532096, 3612672, 3), (6473908224, 3411968, 5), (6473908224, 1705984, 5), (1849688064, 426496, 5)),
        licence="CC BY 4.0 (Visual Geometry Group, Oxford)", trained_on="ImageNet-1k", weights=_IMAGENET,
        weights_file="vgg19_weights_tf_dim_ordering_tf_kernels_notop.h5",
        paper="Simonyan & Zisserman 2014, Very Deep Convolutional Networks, arXiv:1409.1556",
    ),
    BackboneSpec(
        name="ResNet50", builder="ResNet50", year=2015, params=23_587_712, top1=0.749,
        preprocessing="caffe", min_size=32, usual_size=224, feature_dim=2048,
        blocks=_numbered(("stem",), "stage", range(1, 5)),
        block_ends=("pool1_pool", "conv2_block3_out", "conv3_block4_out", "conv4_block6_out", "conv5_block3_out"),
        block_params=(9728, 220032, 1230336, 7129088, 14998528),
        block_maps=((56, 64), (56, 256), (28, 512), (14, 1024), (7, 2048)),
        block_costs=((118013952, 3599596, 6), (667942912, 14852096, 32), (950534144, 9633792, 42), (1387266048, 7024640, 62), (732168192, 1856512, 32)),
        licence="MIT (Kaiming He)", trained_on="ImageNet-1k", weights=_IMAGENET,
        weights_file="resnet50_weights_tf_dim_ordering_tf_kernels_notop.h5",
        paper="He et al. 2015, Deep Residual Learning for Image Recognition, arXiv:1512.03385",
    ),
    BackboneSpec(
        name="ResNet50V2", builder="ResNet50V2", year=2016, params=23_564_800, top1=0.76,
        preprocessing="tf", min_size=32, usual_size=224, feature_dim=2048,
        blocks=_numbered(("stem",), "stage", range(1, 5)),
        block_ends=("pool1_pool", "conv2_block3_out", "conv3_block4_out", "conv4_block6_out", "post_relu"),
        block_params=(9472, 217856, 1226240, 7119872, 14991360),
        block_maps=((56, 64), (28, 256), (14, 512), (7, 1024), (7, 2048)),
        block_costs=((118013952, 1993964, 4), (542703616, 12035840, 35), (825294848, 8564224, 46), (1262026752, 6652672, 68), (732168192, 1980928, 36)),
        licence="BSD-3-Clause (Facebook AI)", trained_on="ImageNet-1k", weights=_IMAGENET,
        weights_file="resnet50v2_weights_tf_dim_ordering_tf_kernels_notop.h5",
        paper="He et al. 2016, Identity Mappings in Deep Residual Networks, arXiv:1603.05027",
    ),
    BackboneSpec(
        name="MobileNet_0.25", builder="MobileNet", year=2017, params=218_544, top1=0.506,
        preprocessing="tf", min_size=32, usual_size=224, feature_dim=256,
        blocks=_numbered(("stem",), "separable", range(1, 14)),
        block_ends=_MOBILENET_ENDS,
        block_params=(248, 296, 848, 1568, 2720, 5184, 9536, 18560, 18560, 18560, 18560, 18560, 35456, 69888),
        block_maps=((112, 8), (112, 16), (56, 32), (56, 32), (28, 64), (28, 64), (14, 128), (14, 128), (14, 128), (14, 128), (14, 128), (14, 128), (7, 256), (7, 256)),
        block_costs=((2709504, 301056, 3), (2508800, 903168, 6), (2057216, 655888, 7), (4114432, 602112, 6), (1831424, 329760, 7), (3662848, 301056, 6), (1718528, 166720, 7), (3437056, 150528, 6), (3437056, 150528, 6), (3437056, 150528, 6), (3437056, 150528, 6), (3437056, 150528, 6), (1662080, 85248, 7), (3324160, 75264, 6)),
        licence="Apache-2.0 (Google)", trained_on="ImageNet-1k", weights=_IMAGENET,
        weights_file="mobilenet_2_5_{size}_tf_no_top.h5",
        paper="Howard et al. 2017, MobileNets, arXiv:1704.04861",
        kwargs={"alpha": 0.25}, checkpoint_sizes=(128, 160, 192, 224),
    ),
    BackboneSpec(
        name="MobileNet_0.5", builder="MobileNet", year=2017, params=829_536, top1=0.637,
        preprocessing="tf", min_size=32, usual_size=224, feature_dim=512,
        blocks=_numbered(("stem",), "separable", range(1, 14)),
        block_ends=_MOBILENET_ENDS,
        block_params=(496, 848, 2720, 5184, 9536, 18560, 35456, 69888, 69888, 69888, 69888, 69888, 136448, 270848),
        block_maps=((112, 16), (112, 32), (56, 64), (56, 64), (28, 128), (28, 128), (14, 256), (14, 256), (14, 256), (14, 256), (14, 256), (14, 256), (7, 512), (7, 512)),
        block_costs=((5419008, 602112, 3), (8228864, 1806336, 6), (7325696, 1311776, 7), (14651392, 1204224, 6), (6874112, 659520, 7), (13748224, 602112, 6), (6648320, 333440, 7), (13296640, 301056, 6), (13296640, 301056, 6), (13296640, 301056, 6), (13296640, 301056, 6), (13296640, 301056, 6), (6535424, 170496, 7), (13070848, 150528, 6)),
        licence="Apache-2.0 (Google)", trained_on="ImageNet-1k", weights=_IMAGENET,
        weights_file="mobilenet_5_0_{size}_tf_no_top.h5",
        paper="Howard et al. 2017, MobileNets, arXiv:1704.04861",
        kwargs={"alpha": 0.5}, checkpoint_sizes=(128, 160, 192, 224),
    ),
    BackboneSpec(
        name="MobileNet", builder="MobileNet", year=2017, params=3_228_864, top1=0.704,
        preprocessing="tf", min_size=32, usual_size=224, feature_dim=1024,
        blocks=_numbered(("stem",), "separable", range(1, 14)),
        block_ends=_MOBILENET_ENDS,
        block_params=(992, 2720, 9536, 18560, 35456, 69888, 136448, 270848, 270848, 270848, 270848, 270848, 535040, 1065984),
        block_maps=((112, 32), (112, 64), (56, 128), (56, 128), (28, 256), (28, 256), (14, 512), (14, 512), (14, 512), (14, 512), (14, 512), (14, 512), (7, 1024), (7, 1024)),
        block_costs=((10838016, 1204224, 3), (29302784, 3612672, 6), (27496448, 2623552, 7), (54992896, 2408448, 6), (26593280, 1319040, 7), (53186560, 1204224, 6), (26141696, 666880, 7), (52283392, 602112, 6), (52283392, 602112, 6), (52283392, 602112, 6), (52283392, 602112, 6), (52283392, 602112, 6), (25915904, 340992, 7), (51831808, 301056, 6)),
        licence="Apache-2.0 (Google)", trained_on="ImageNet-1k", weights=_IMAGENET,
        weights_file="mobilenet_1_0_{size}_tf_no_top.h5",
        paper="Howard et al. 2017, MobileNets, arXiv:1704.04861",
        kwargs={"alpha": 1.0}, checkpoint_sizes=(128, 160, 192, 224),
    ),
    BackboneSpec(
        name="MobileNetV2", builder="MobileNetV2", year=2018, params=2_257_984, top1=0.713,
        preprocessing="tf", min_size=32, usual_size=224, feature_dim=1280,
        blocks=_numbered(("stem",), "inverted residual", range(1, 18), ("top",)),
        block_ends=("Conv1_relu", "expanded_conv_project_BN", "block_1_project_BN", "block_2_add", "block_3_project_BN", "block_4_add", "block_5_add", "block_6_project_BN", "block_7_add", "block_8_add", "block_9_add", "block_10_project_BN", "block_11_add", "block_12_add", "block_13_project_BN", "block_14_add", "block_15_add", "block_16_project_BN", "out_relu"),
        block_params=(992, 992, 5568, 9456, 10640, 15680, 15680, 21952, 55936, 55936, 55936, 68352, 120768, 120768, 157888, 324160, 324160, 478400, 414720),
        block_maps=((112, 32), (112, 16), (56, 24), (56, 24), (28, 32), (28, 32), (28, 32), (14, 64), (14, 64), (14, 64), (14, 64), (14, 96), (14, 96), (14, 96), (7, 160), (7, 160), (7, 160), (7, 320), (7, 1280)),
        block_costs=((10838016, 1204224, 3), (10035200, 1605632, 5), (29202432, 5892192, 9), (25740288, 2935296, 9), (15466752, 2211472, 9), (10988544, 978432, 9), (10988544, 978432, 9), (7564032, 751040, 9), (10311168, 489216, 9), (10311168, 489216, 9), (10311168, 489216, 9), (12719616, 489216, 8), (22692096, 733824, 9), (22692096, 733824, 9), (15607872, 568640, 9), (15476160, 305760, 9), (15476160, 305760, 9), (23002560, 313600, 8), (20070400, 188160, 3)),
        licence="Apache-2.0 (Google)", trained_on="ImageNet-1k", weights=_IMAGENET,
        weights_file="mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_{size}_no_top.h5",
        paper="Sandler et al. 2018, MobileNetV2, arXiv:1801.04381",
        kwargs={"alpha": 1.0}, checkpoint_sizes=(96, 128, 160, 192, 224),
    ),
    BackboneSpec(
        name="MobileNetV3Small", builder="MobileNetV3Small", year=2019, params=939_120, top1=0.681,
        preprocessing="none", min_size=32, usual_size=224, feature_dim=576,
        blocks=_numbered(("stem",), "inverted residual", range(1, 12), ("top",)),
        block_ends=("activation", "expanded_conv_project_bn", "expanded_conv_1_project_bn", "expanded_conv_2_add", "expanded_conv_3_project_bn", "expanded_conv_4_add", "expanded_conv_5_add", "expanded_conv_6_project_bn", "expanded_conv_7_add", "expanded_conv_8_project_bn", "expanded_conv_9_add", "expanded_conv_10_add", "activation_17"),
        block_params=(496, 808, 4200, 5816, 14200, 58304, 58304, 22544, 30472, 93192, 296592, 296592, 57600),
        block_maps=((112, 16), (56, 16), (28, 24), (28, 24), (14, 40), (14, 40), (14, 40), (14, 48), (14, 48), (7, 96), (7, 96), (7, 96), (7, 576)),
        block_costs=((5419008, 752640, 4), (1254656, 505424, 12), (5475456, 1118280, 9), (3932544, 470400, 9), (3033984, 409328, 15), (4969920, 353648, 15), (4969920, 353648, 15), (2665440, 183880, 14), (3426624, 226304, 15), (4458528, 319440, 15), (6290496, 213696, 15), (6290496, 213696, 15), (2709504, 84672, 3)),
        licence="Apache-2.0 (Google)", trained_on="ImageNet-1k", weights=_IMAGENET,
        weights_file="weights_mobilenet_v3_small_224_1.0_float_no_top_v2.h5",
        paper="Howard et al. 2019, Searching for MobileNetV3, arXiv:1905.02244",
    ),
    BackboneSpec(
        name="MobileNetV3Large", builder="MobileNetV3Large", year=2019, params=2_996_352, top1=0.756,
        preprocessing="none", min_size=32, usual_size=224, feature_dim=960,
        blocks=_numbered(("stem",), "inverted residual", range(1, 16), ("top",)),
        block_ends=("activation", "expanded_conv_add", "expanded_conv_1_project_bn", "expanded_conv_2_add", "expanded_conv_3_project_bn", "expanded_conv_4_add", "expanded_conv_5_add", "expanded_conv_6_project_bn", "expanded_conv_7_add", "expanded_conv_8_add", "expanded_conv_9_add", "expanded_conv_10_project_bn", "expanded_conv_11_add", "expanded_conv_12_project_bn", "expanded_conv_13_add", "expanded_conv_14_add", "activation_19"),
        block_params=(496, 528, 3744, 4776, 10696, 21552, 21552, 33200, 35720, 32888, 32888, 216568, 389032, 432232, 801520, 801520, 157440),
        block_maps=((112, 16), (112, 16), (56, 24), (56, 24), (28, 40), (28, 40), (28, 40), (14, 80), (14, 80), (14, 80), (14, 80), (14, 112), (14, 112), (7, 160), (7, 160), (7, 160), (7, 960)),
        block_costs=((5419008, 752640, 4), (5017600, 1204224, 6), (19468288, 3978304, 9), (12870144, 1580544, 9), (9091584, 1216784, 15), (9886080, 753064, 15), (9886080, 753064, 15), (11712960, 938800, 9), (6624800, 282240, 9), (6094816, 263424, 9), (6094816, 263424, 9), (19025280, 704144, 14), (30914688, 990192, 15), (21069216, 739088, 15), (16689600, 356160, 15), (16689600, 356160, 15), (7526400, 141120, 3)),
        licence="Apache-2.0 (Google)", trained_on="ImageNet-1k", weights=_IMAGENET,
        weights_file="weights_mobilenet_v3_large_224_1.0_float_no_top_v2.h5",
        paper="Howard et al. 2019, Searching for MobileNetV3, arXiv:1905.02244",
    ),
    BackboneSpec(
        name="EfficientNetB0", builder="EfficientNetB0", year=2019, params=4_049_571, top1=0.771,
        preprocessing="none", min_size=32, usual_size=224, feature_dim=1280,
        blocks=("stem", "block 1a", "block 2a", "block 2b", "block 3a", "block 3b", "block 4a", "block 4b", "block 4c", "block 5a", "block 5b", "block 5c", "block 6a", "block 6b", "block 6c", "block 6d", "block 7a", "top"),
        block_ends=("stem_activation", "block1a_project_bn", "block2a_project_bn", "block2b_add", "block3a_project_bn", "block3b_add", "block4a_project_bn", "block4b_add", "block4c_add", "block5a_project_bn", "block5b_add", "block5c_add", "block6a_project_bn", "block6b_add", "block6c_add", "block6d_add", "block7a_project_bn", "top_activation"),
        block_params=(999, 1544, 6436, 11334, 16006, 32330, 38250, 104980, 104980, 128148, 211484, 211484, 265564, 592944, 592944, 592944, 722480, 414720),
        block_maps=((112, 32), (112, 16), (56, 24), (56, 24), (28, 40), (28, 40), (14, 80), (14, 80), (14, 80), (14, 112), (14, 112), (14, 112), (7, 192), (7, 192), (7, 192), (7, 192), (7, 320), (7, 1280)),
        block_costs=((10838016, 1657155, 6), (10035712, 2007144, 10), (29203200, 6193540, 14), (25742016, 3462582, 15), (18177984, 2370758, 14), (19761600, 1443290, 15), (11717760, 986570, 14), (15918720, 722740, 15), (15918720, 722740, 15), (20434560, 703924, 13), (32833920, 1011836, 15), (32833920, 1011836, 15), (21934752, 741916, 14), (23197824, 436272, 15), (23197824, 436272, 15), (23197824, 436272, 15), (29520000, 430000, 13), (20070400, 188160, 3)),
        licence="Apache-2.0 (Google)", trained_on="ImageNet-1k", weights=_IMAGENET,
        weights_file="efficientnetb0_notop.h5",
        paper="Tan & Le 2019, EfficientNet, arXiv:1905.11946",
    ),
    BackboneSpec(
        name="EfficientNetV2B0", builder="EfficientNetV2B0", year=2021, params=5_919_312, top1=0.787,
        preprocessing="none", min_size=32, usual_size=224, feature_dim=1280,
        blocks=("stem", "block 1a", "block 2a", "block 2b", "block 3a", "block 3b", "block 4a", "block 4b", "block 4c", "block 5a", "block 5b", "block 5c", "block 5d", "block 5e", "block 6a", "block 6b", "block 6c", "block 6d", "block 6e", "block 6f", "block 6g", "block 6h", "top"),
        block_ends=("stem_activation", "block1a_project_activation", "block2a_project_bn", "block2b_add", "block3a_project_bn", "block3b_add", "block4a_project_bn", "block4b_add", "block4c_add", "block5a_project_bn", "block5b_add", "block5c_add", "block5d_add", "block5e_add", "block6a_project_bn", "block6b_add", "block6c_add", "block6d_add", "block6e_add", "block6f_add", "block6g_add", "block6h_add", "top_activation"),
        block_params=(992, 4672, 11648, 41600, 43712, 93120, 36108, 99480, 99480, 158296, 200732, 200732, 200732, 200732, 254812, 574512, 574512, 574512, 574512, 574512, 574512, 574512, 250880),
        block_maps=((112, 32), (112, 16), (56, 32), (56, 32), (28, 48), (28, 48), (14, 96), (14, 96), (14, 96), (14, 112), (14, 112), (14, 112), (14, 112), (14, 112), (7, 192), (7, 192), (7, 192), (7, 192), (7, 192), (7, 192), (7, 192), (7, 192), (7, 1280)),
        block_costs=((10838016, 1505280, 5), (57802752, 602112, 3), (35323904, 802816, 5), (128450560, 1605632, 7), (33718272, 376320, 5), (72253440, 602112, 7), (11181312, 640332, 13), (15146496, 603288, 15), (15146496, 603288, 15), (24526080, 835928, 13), (30726528, 1011836, 15), (30726528, 1011836, 15), (30726528, 1011836, 15), (30726528, 1011836, 15), (21407904, 547708, 13), (22294656, 436272, 15), (22294656, 436272, 15), (22294656, 436272, 15), (22294656, 436272, 15), (22294656, 436272, 15), (22294656, 436272, 15), (22294656, 436272, 15), (12042240, 188160, 3)),
        licence="Apache-2.0 (Google)", trained_on="ImageNet-1k", weights=_IMAGENET,
        weights_file="efficientnetv2-b0_notop.h5",
        paper="Tan & Le 2021, EfficientNetV2, arXiv:2104.00298",
    ),
    BackboneSpec(
        name="DenseNet121", builder="DenseNet121", year=2016, params=7_037_504, top1=0.75,
        preprocessing="torch", min_size=32, usual_size=224, feature_dim=1024,
        blocks=_numbered(("stem",), "dense block", range(1, 5)),
        block_ends=("pool1", "pool2_pool", "pool3_pool", "pool4_pool", "relu"),
        block_params=(9664, 372096, 1063168, 3402240, 2190336),
        block_maps=((56, 64), (28, 128), (14, 256), (7, 512), (7, 1024)),
        block_costs=((118013952, 3599596, 6), (1143209984, 18665472, 46), (815661056, 13848576, 88), (651886592, 11440128, 172), (104366080, 2220288, 114)),
        licence="BSD-3-Clause (the authors)", trained_on="ImageNet-1k", weights=_IMAGENET,
        weights_file="densenet121_weights_tf_dim_ordering_tf_kernels_notop.h5",
        paper="Huang et al. 2016, Densely Connected Convolutional Networks, arXiv:1608.06993",
    ),
    BackboneSpec(
        name="InceptionV3", builder="InceptionV3", year=2015, params=21_802_784, top1=0.779,
        preprocessing="tf", min_size=75, usual_size=299, feature_dim=2048,
        blocks=_numbered(("stem",), "mixed", range(0, 11)),
        block_ends=("max_pooling2d_1", "mixed0", "mixed1", "mixed2", "mixed3", "mixed4", "mixed5", "mixed6", "mixed7", "mixed8", "mixed9", "mixed10"),
        block_params=(173072, 256368, 277968, 285648, 1153920, 1298944, 1692736, 1692736, 2143872, 1699584, 5047872, 6080064),
        block_maps=((35, 192), (35, 256), (35, 288), (35, 288), (17, 768), (17, 768), (17, 768), (17, 768), (17, 768), (8, 1280), (8, 2048), (8, 2048)),
        block_costs=((1340779616, 13113520, 17), (312345600, 2254000, 23), (338688000, 2489200, 23), (348096000, 2528400, 23), (401937408, 1309344, 14), (374063104, 1775616, 32), (487702528, 1942080, 32), (487702528, 1942080, 32), (617914368, 2108544, 32), (291004416, 895232, 20), (322437120, 937984, 31), (388497408, 987136, 31)),
        licence="Apache-2.0 (Google)", trained_on="ImageNet-1k", weights=_IMAGENET,
        weights_file="inception_v3_weights_tf_dim_ordering_tf_kernels_notop.h5",
        paper="Szegedy et al. 2015, Rethinking the Inception Architecture, arXiv:1512.00567",
    ),
    BackboneSpec(
        name="Xception", builder="Xception", year=2016, params=20_861_480, top1=0.79,
        preprocessing="tf", min_size=71, usual_size=299, feature_dim=2048,
        blocks=_numbered((), "block", range(1, 15)),
        block_ends=("block1_conv2_act", "add", "add_1", "add_2", "add_3", "add_4", "add_5", "add_6", "add_7", "add_8", "add_9", "add_10", "add_11", "block14_sepconv2_act"),
        block_params=(19680, 36032, 137600, 920312, 1618344, 1618344, 1618344, 1618344, 1618344, 1618344, 1618344, 1618344, 2045136, 4755968),
        block_maps=((147, 64), (74, 128), (37, 256), (19, 728), (19, 728), (19, 728), (19, 728), (19, 728), (19, 728), (19, 728), (19, 728), (19, 728), (10, 1024), (10, 2048)),
        block_costs=((417478752, 6280224, 6), (613262528, 16633472, 9), (602097152, 9112064, 10), (1060088600, 6384856, 10), (581068488, 2628080, 10), (581068488, 2628080, 10), (581068488, 2628080, 10), (581068488, 2628080, 10), (581068488, 2628080, 10), (581068488, 2628080, 10), (581068488, 2628080, 10), (581068488, 2628080, 10), (539717360, 2200160, 10), (474163200, 1075200, 6)),
        licence="MIT (François Chollet)", trained_on="ImageNet-1k", weights=_IMAGENET,
        weights_file="xception_weights_tf_dim_ordering_tf_kernels_notop.h5",
        paper="Chollet 2016, Xception, arXiv:1610.02357",
    ),
    BackboneSpec(
        name="ConvNeXtTiny", builder="ConvNeXtTiny", year=2022, params=27_820_128, top1=0.813,
        preprocessing="none", min_size=32, usual_size=224, feature_dim=768,
        blocks=_numbered(("stem",), "stage", range(1, 5)),
        block_ends=("convnext_tiny_stem", "add_2", "add_5", "add_14", "layer_normalization"),
        block_params=(4896, 237888, 992256, 11112960, 15472128),
        block_maps=((56, 96), (56, 96), (28, 192), (14, 384), (7, 768)),
        block_costs=((14450688, 451584, 2), (737888256, 11741184, 21), (773563392, 6021120, 22), (2171893248, 8881152, 64), (756967680, 1542912, 23)),
        licence="MIT (Meta)", trained_on="ImageNet-1k", weights=_IMAGENET,
        weights_file="convnext_tiny_notop.h5",
        paper="Liu et al. 2022, A ConvNet for the 2020s, arXiv:2201.03545",
    ),
)

BACKBONES: dict[str, BackboneSpec] = {each.name: each for each in _SPECS}
