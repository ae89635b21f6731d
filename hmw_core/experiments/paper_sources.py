"""What is known of each row of the paper's tables: whose numbers, which epoch, which noise.

The paper does not say which of its numbers are those of the last and which of the best epoch, and
takes many from other papers. A comparison with a row has to know what kind of number it is.
"""

from dataclasses import dataclass

LAST, BEST, UNSAID = "last epoch", "best epoch", "epoch not said"
COPIED, OWN = "copied from another paper", "trained by the authors"
NOISE, BACKBONE, MORE, PART = (
    "another noise family", "another backbone", "more than the method", "a part of the method",
)  # fmt: skip


@dataclass(frozen=True)
class RowSource:
    """What the sources say of a row of a table."""

    kinds: tuple[str, ...]
    """What the row's numbers are, in the words above."""
    text: str
    """The same in one sentence. What was compared from memory of a paper says so."""


CODE_OR_TEXT = (
    "The paper gives one row where its text and its released code differ, and says of neither "
    "whether the last or the best epoch is meant."
)
INCV_ROW = RowSource(
    (COPIED, UNSAID),
    "It is a figure of the comparison in the paper on Iterative-CV, whose code has no WebVision, "
    "so its settings there cannot be checked.",
)

ROW_SOURCES: dict[str, dict[str, RowSource]] = {
    "table-1": {
        "CCE": RowSource(
            (LAST, COPIED),
            "It is marked as reproduced, but its eight cells of symmetric noise equal, to the "
            "digit, the last-epoch row in the DivideMix paper (from memory), where the best epoch "
            "at CIFAR-10's rate 0.8 is 62.9 and not 26.1.",
        ),
        "Forward": RowSource(
            (LAST, COPIED),
            "Its cells of symmetric noise equal the last-epoch row in the DivideMix paper "
            "(from memory).",
        ),
        "SCE": RowSource(
            (OWN, UNSAID),
            "It is marked as reproduced by the authors, who do not say which epoch is meant.",
        ),
        "P-correction": RowSource(
            (LAST, COPIED),
            "Its cells of symmetric noise equal the last-epoch row in the DivideMix paper "
            "(from memory).",
        ),
        "DivideMix": RowSource(
            (LAST, COPIED, PART),
            "It equals the DivideMix paper's ablation with a single network at the last epoch; the "
            "full method, of two networks, has 95.7, 94.4, 92.9 and 75.4 there (from memory).",
        ),
        "ELR": RowSource(
            (COPIED, UNSAID, BACKBONE),
            "It is not marked as reproduced, and its source is not said; ELR's code trains a "
            "ResNet-34, where the other rows have a PreAct ResNet-18.",
        ),
        "MOIT+": RowSource(
            (COPIED, UNSAID, NOISE),
            "Its own paper redraws wrong labels from the other classes only, and shifts classes of "
            "CIFAR-100 within their true superclasses, so at one rate it has another share of "
            "wrong labels.",
        ),
        "UNICON": RowSource(
            (OWN, UNSAID),
            "It is marked as reproduced; 94.2 and 89.4 at the rates 0.2 and 0.9 are close to what "
            "a user reports of the released code (94.42, 89.10) and below UNICON's own paper "
            "(96.0, 90.8, from memory).",
        ),
        "CCE+HMW": RowSource((OWN, UNSAID), CODE_OR_TEXT),
        "SCE+HMW": RowSource((OWN, UNSAID), CODE_OR_TEXT),
        "UNICON+HMW": RowSource(
            (OWN, UNSAID),
            "Its epochs and schedule are not given; the released code's defaults are 250 epochs "
            "with two steps, where UNICON has 350 with a cosine.",
        ),
    },
    "table-2": {
        "CCE": RowSource(
            (COPIED, UNSAID),
            "79.4 is the value in the paper on CED, trained without augmentation there.",
        ),
        "CED": RowSource(
            (COPIED, BEST, PART),
            "81.3 is the first stage alone, the nested network; the full method has 84.1 in its "
            "own paper, which chooses the epoch on the test set.",
        ),
        "SELFIE": RowSource(
            (COPIED, UNSAID),
            "It is the value of its own paper, with VGG-19; its DenseNet has 83.0.",
        ),
        "PLC": RowSource((COPIED, UNSAID), "It is the value of its own paper, 83.4 ± 0.4."),
        "InstanceGM": RowSource((COPIED, UNSAID), "It is the value of its own paper."),
        "CCE+HMW": RowSource(
            (OWN, UNSAID, MORE),
            "It is trained with CutMix and for 200 epochs, the other rows by their papers' "
            "recipes, so its lead is not the weights' alone: CCE+CutMix is the fair baseline.",
        ),
    },
    "table-3": {
        "CCE": RowSource(
            (COPIED, UNSAID, BACKBONE),
            "58.88 comes from a study with ResNet-50 (from memory), where CCE+HMW has an "
            "Inception-ResNet-v2.",
        ),
        **dict.fromkeys(("Forward", "D2L", "MentorNet", "Co-teaching", "Iterative-CV"), INCV_ROW),
        "ELR+": RowSource((COPIED, UNSAID), "It is the value of its own paper."),
        "ProtoMix": RowSource(
            (COPIED, UNSAID),
            "It is the value of its own paper without the inference by neighbours, which has 77.8 "
            "and 74.4 there (from memory).",
        ),
        "CCE+HMW": RowSource(
            (OWN, UNSAID, MORE),
            "It is trained with CutMix and for 200 epochs; the table omits DivideMix and UNICON, "
            "whose papers report 75.20 and 75.29 on ILSVRC12 (from memory), above its 71.88.",
        ),
    },
}
"""Table -> the paper's row -> what is known of it."""


def row_source(table: str, row: str) -> RowSource | None:
    """Return what is known of a row of `table-1`, `table-2` or `table-3`; None of other rows."""
    return ROW_SOURCES.get(table, {}).get(row)
