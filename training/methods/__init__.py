"""Training methods: what happens in one epoch, one file each.

Contract, so that no file repeats it: a method is a `Method` built with a ``RunConfig`` and a
``Sizes``. It owns its networks, optimizers and tables; the loop never asks which one it is. Each
epoch it is given `EpochData`, takes the passes that it needs, and records every sample of every
network once, with what it declares in `state`. What it computes (selection, refinement, mixing)
stands in functions of tensors, which are tested against numbers from outside. What is neither is
a loss or a weighting, and belongs into those registries.
"""

from training.methods.aum import AUM
from training.methods.backward import BackwardCorrection
from training.methods.base import Method
from training.methods.bilevel import Bilevel
from training.methods.co_teaching import CoTeaching
from training.methods.co_teaching_plus import CoTeachingPlus
from training.methods.cutmix import CutMix
from training.methods.d2l import D2L
from training.methods.divide_mix import DivideMix
from training.methods.elr import ELR
from training.methods.elr_plus import ELRPlus
from training.methods.forward import ForwardCorrection
from training.methods.gce_truncated import TruncatedGCE
from training.methods.instance_gm import InstanceGM
from training.methods.iterative_cv import IterativeCV
from training.methods.jocor import JoCoR
from training.methods.mentor_net import MentorNet
from training.methods.moit import MOIT, MOITPlus
from training.methods.nested import CED
from training.methods.pencil import PENCIL
from training.methods.plc import PLC
from training.methods.proto_mix import ProtoMix
from training.methods.puridiver import PuriDivER
from training.methods.sel_cl import SelCL, SelCLPlus
from training.methods.selfie import SELFIE
from training.methods.standard import Standard
from training.methods.unicon import UNICON
from training.methods.webly import Webly

METHODS: dict[str, type[Method]] = {
    "standard": Standard,
    "co_teaching": CoTeaching,
    "co_teaching_plus": CoTeachingPlus,
    "jocor": JoCoR,
    "mentor_net": MentorNet,
    "d2l": D2L,
    "divide_mix": DivideMix,
    "unicon": UNICON,
    "pencil": PENCIL,
    "elr": ELR,
    "elr_plus": ELRPlus,
    "plc": PLC,
    "forward": ForwardCorrection,
    "backward": BackwardCorrection,
    "gce_truncated": TruncatedGCE,
    "webly": Webly,
    "aum": AUM,
    "selfie": SELFIE,
    "ced": CED,
    "bilevel": Bilevel,
    "puridiver": PuriDivER,
    "instance_gm": InstanceGM,
    "iterative_cv": IterativeCV,
    "cutmix": CutMix,
    "moit": MOIT,
    "moit_plus": MOITPlus,
    "proto_mix": ProtoMix,
    "sel_cl": SelCL,
    "sel_cl_plus": SelCLPlus,
}
