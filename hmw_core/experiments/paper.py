"""The paper's Tables 1 to 4: test accuracy in per cent, looked up by recipe, data set and noise.

Only the noise that the paper used finds a number. Its loader follows UNICON: `symmetric` redraws a
share of the labels from all classes, the true one included, and the asymmetric noise of CIFAR-100
shifts labels inside blocks of five consecutive class numbers. A run with another noise of the same
rate has a different share of mislabeled samples, so it gets no number beside it.
"""

import math

SYMMETRIC = "symmetric"
ASYMMETRIC = "asymmetric"
COLUMNS = tuple((SYMMETRIC, rate) for rate in (0.2, 0.5, 0.8, 0.9)) + tuple(
    (ASYMMETRIC, rate) for rate in (0.1, 0.3, 0.4)
)

# The name of a noise of ours -> the paper's column, for each data set of its Tables 1 and 4.
NOISE_COLUMNS = {
    "cifar10": {"symmetric": SYMMETRIC, "asymmetric": ASYMMETRIC},
    "cifar100": {"symmetric": SYMMETRIC, "block_shift": ASYMMETRIC},
}

# Source: Table 1, one row a method, columns in the order of `COLUMNS`.
TABLE_1 = {
    "cifar10": {
        "CCE": (82.7, 57.9, 26.1, 16.8, 88.8, 81.7, 76.0),
        "Forward": (83.1, 59.4, 26.2, 18.8, 90.4, 81.9, 76.7),
        "SCE": (92.0, 81.7, 44.1, 26.6, 91.5, 81.1, 76.3),
        "P-correction": (92.0, 88.7, 76.5, 58.2, 93.1, 92.6, 91.6),
        "DivideMix": (95.0, 93.7, 92.4, 74.2, 93.8, 92.5, 91.4),
        "ELR": (93.8, 92.6, 88.0, 63.3, 94.4, 91.5, 85.3),
        "MOIT+": (94.1, 91.8, 81.1, 74.7, 94.2, 94.3, 93.3),
        "UNICON": (94.2, 95.2, 93.6, 89.4, 93.2, 94.9, 93.6),
        "CCE+HMW": (93.2, 89.8, 65.8, 45.0, 93.7, 91.0, 85.6),
        "SCE+HMW": (92.5, 89.3, 65.2, 37.1, 93.2, 90.5, 84.5),
        "UNICON+HMW": (93.5, 95.2, 93.7, 90.7, 93.5, 94.7, 93.7),
    },
    "cifar100": {
        "CCE": (61.8, 37.3, 8.8, 3.5, 68.1, 53.3, 44.5),
        "Forward": (61.4, 37.3, 9.0, 3.4, 68.7, 54.4, 45.3),
        "SCE": (60.8, 37.0, 10.2, 3.9, 69.6, 53.8, 44.5),
        "P-correction": (68.1, 56.4, 20.7, 8.8, 76.1, 59.3, 48.3),
        "DivideMix": (74.8, 72.1, 57.6, 29.2, 69.5, 68.3, 51.0),
        "ELR": (74.5, 70.2, 45.2, 20.5, 75.8, 73.6, 70.0),
        "MOIT+": (75.9, 70.6, 47.6, 41.8, 77.4, 75.1, 74.0),
        "UNICON": (76.5, 75.5, 63.0, 40.3, 77.1, 76.1, 70.7),
        "CCE+HMW": (72.6, 63.6, 21.7, 7.5, 74.1, 67.2, 55.6),
        "SCE+HMW": (73.3, 64.6, 24.3, 7.2, 75.0, 67.6, 55.2),
        "UNICON+HMW": (76.6, 75.8, 63.4, 43.4, 76.7, 76.3, 72.1),
    },
}

# Source: Table 2 (ANIMAL-10N).
TABLE_2 = {
    "CCE": 79.4,
    "CED": 81.3,
    "SELFIE": 81.8,
    "PLC": 83.4,
    "InstanceGM": 84.6,
    "CCE+HMW": 86.5,
}

# Source: Table 3 (50 classes of WebVision), columns in the order of `TABLE_3_COLUMNS`.
TABLE_3_COLUMNS = ("WebVision top-1", "WebVision top-5", "ILSVRC12 top-1", "ILSVRC12 top-5")
TABLE_3: dict[str, tuple[float | None, ...]] = {
    "CCE": (None, None, 58.88, None),
    "Forward": (61.12, 82.68, 57.36, 82.36),
    "D2L": (62.68, 84.00, 57.80, 81.36),
    "MentorNet": (63.00, 81.40, 57.80, 79.92),
    "Co-teaching": (63.58, 85.20, 61.48, 84.98),
    "Iterative-CV": (65.24, 85.34, 61.60, 84.98),
    "ELR+": (77.78, 91.68, 70.29, 89.76),
    "ProtoMix": (76.3, 91.5, 73.3, 91.2),
    "CCE+HMW": (78.04, 93.08, 71.88, 92.20),
}

# Source: Table 4 (CIFAR-10). Its HMW row is the CCE+HMW row of Table 1.
TABLE_4_COLUMNS = ((SYMMETRIC, 0.2), (SYMMETRIC, 0.5), (ASYMMETRIC, 0.1), (ASYMMETRIC, 0.3))
TABLE_4 = {
    "AUM only": (88.4, 67.9, 90.9, 82.4),
    "AUM+CA": (91.7, 82.1, 92.5, 85.1),
    "HMW": (93.2, 89.8, 93.7, 91.0),
}

WITH_CUTMIX = ("animal10n", "webvision")
CUTMIX_ROW = "CCE+HMW+CutMix"
"""What Tables 2 and 3 call CCE+HMW: it is trained with CutMix, the other rows are not."""

# Shown wherever a number of the table is: what it can and cannot be compared with.
PAPER_NOTE = (
    "Test accuracy in per cent, from Table 1 or 4 of the paper. The table does not say whether "
    "its numbers are the last or the best epoch and mixes both: its CCE row of symmetric noise "
    "equals the last-epoch row printed in the DivideMix paper (compared from memory), although it "
    "is marked as reproduced. Several other rows come from papers with another kind of noise, so "
    "columns are not strictly comparable."
)


def paper_row(recipe: str) -> str:
    """Return the name of the paper's row that a recipe's results stand beside.

    `CCE+HMW-code` follows the authors' code and `CCE+HMW` the text; the paper has one row for both.
    So with Table 4's AUM rows. Tables 2 and 3 call CCE+HMW what is trained with CutMix. Without a
    weight a `-code` recipe is no row: it normalises the logits, which the table's CCE and SCE did
    not. Spaces and case do not matter.
    """
    rows = {*TABLE_1["cifar10"], *TABLE_2, *TABLE_3, *TABLE_4}
    plain = "".join(recipe.split()).casefold()
    plain = "cce+hmw" if plain == "cce+hmw+cutmix" else plain
    if plain.endswith(("hmw-code", "aumonly-code", "aum+ca-code")):
        plain = plain.removesuffix("-code")
    return next((row for row in rows if "".join(row.split()).casefold() == plain), recipe)


def paper_accuracy(
    recipe: str | None, dataset: str | None, noise: str | None, rate: float | None
) -> float | None:
    """Return the paper's test accuracy for a setting, or None where it has none.

    Parameters
    ----------
    recipe : str or None
        A row of a table; `-code` after HMW does not matter.
    dataset : str or None
        Our name of the data set: `cifar10`, `cifar100`, `animal10n` or `webvision`; the paper used
        all their samples. Of `webvision` the number is the top-1 accuracy on its own validation
        set.
    noise : str or None
        Our name of the noise; those of `NOISE_COLUMNS` are the paper's, and `none` where the
        labels are wrong by themselves.
    rate : float or None
        Noise rate as the paper defines it, in [0, 1].

    Returns
    -------
    float or None
        Per cent in [0, 100]. Show it with `PAPER_NOTE`.

    Examples
    --------
    >>> paper_accuracy("CCE+HMW-code", "cifar10", "symmetric", 0.5)
    89.8
    >>> paper_accuracy("CCE+HMW", "digits", "symmetric", 0.5)
    """
    if recipe is None or dataset is None or noise is None or rate is None:
        return None
    column = NOISE_COLUMNS.get(dataset, {}).get(noise)
    row = paper_row(recipe)
    if dataset in WITH_CUTMIX:
        if noise != "none" or (row == "CCE+HMW") != (recipe == CUTMIX_ROW):
            return None
        return TABLE_2.get(row) if dataset == "animal10n" else TABLE_3.get(row, (None,))[0]
    if recipe == CUTMIX_ROW:
        return None
    cells = list(zip(COLUMNS, TABLE_1.get(dataset, {}).get(row, ()), strict=False))
    if dataset == "cifar10":
        cells += zip(TABLE_4_COLUMNS, TABLE_4.get(row, ()), strict=False)
    for (kind, cell_rate), accuracy in cells:
        if kind == column and math.isclose(cell_rate, rate, abs_tol=1e-6):
            return accuracy
    return None
