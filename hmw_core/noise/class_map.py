"""Noise by a class map: every class has one other class that its labels move to."""

import numpy as np

from hmw_core.errors import UsageError
from hmw_core.noise.cifar import (
    CIFAR10_ASYMMETRIC,
    CIFAR100_SUPERCLASSES,
    is_cifar10,
    is_cifar100,
    plain,
)
from hmw_core.noise.clean_labels import CleanLabels, exact_share

BLOCK = 5
"""Classes in a block of `block_shift`, as in a superclass of CIFAR-100."""


def asymmetric(clean: CleanLabels, rate: float, rng: np.random.Generator) -> np.ndarray:
    """Move labels to a class that looks alike; the class names tell which map applies.

    CIFAR-10: truck to automobile, bird to airplane, deer to horse, cat and dog swapped, for the
    floor(rate N) samples drawn from all classes. Only half of the classes have a target, so the
    expected mislabeled fraction is rate / 2. CIFAR-100: `superclass_shift`.

    Raises
    ------
    UsageError
        If the data set has no class map.

    Notes
    -----
    Source: DivideMix, UNICON and HMW for CIFAR-10 (they use `block_shift` on CIFAR-100). The map
    reads the true labels; ELR's code reads labels it has moved already, which is not meant.
    """
    if is_cifar100(clean.class_names):
        return superclass_shift(clean, rate, rng)
    if not is_cifar10(clean.class_names):
        raise _no_class_map("asymmetric", "CIFAR-10 and CIFAR-100", clean)
    ids = _ids_by_name(clean)
    target = np.arange(clean.n_classes)
    for source_name, target_name in CIFAR10_ASYMMETRIC.items():
        target[ids[source_name]] = ids[target_name]
    given_label = clean.true_label.copy()
    chosen = exact_share(len(given_label), rate, rng)
    given_label[chosen] = target[given_label[chosen]]
    return given_label


def superclass_shift(clean: CleanLabels, rate: float, rng: np.random.Generator) -> np.ndarray:
    """Move each label with probability `rate` to the next class of its CIFAR-100 superclass.

    The next by fine id, the last of the five to the first.

    Raises
    ------
    UsageError
        If the classes are not CIFAR-100's.

    Notes
    -----
    Source: Patrini et al. (2017) as meant, MOIT (Ortego et al., 2021) as done.
    """
    if not is_cifar100(clean.class_names):
        raise _no_class_map("superclass_shift", "CIFAR-100", clean)
    ids = _ids_by_name(clean)
    target = np.arange(clean.n_classes)
    for names in CIFAR100_SUPERCLASSES.values():
        members = np.sort([ids[name] for name in names])
        target[members] = np.roll(members, -1)
    return _shifted(clean, target, rate, rng)


def block_shift(clean: CleanLabels, rate: float, rng: np.random.Generator) -> np.ndarray:
    """Move each label with probability `rate` to the next class of its block of five ids.

    The ids 5s..5s+4 in a circle. On CIFAR-100 ids are alphabetical, so these are classes that
    mostly have nothing in common: only 6 of the 100 pairs share a superclass.

    Raises
    ------
    UsageError
        If the number of classes is no multiple of five.

    Notes
    -----
    Source: the released code of UNICON and HMW, there called asymmetric CIFAR-100.
    """
    if clean.n_classes % BLOCK:
        raise UsageError(
            f"noise 'block_shift' needs a multiple of {BLOCK} classes, got {clean.n_classes}; "
            "use pair_flip instead"
        )
    label = np.arange(clean.n_classes)
    target = label - label % BLOCK + (label + 1) % BLOCK
    return _shifted(clean, target, rate, rng)


def pair_flip(clean: CleanLabels, rate: float, rng: np.random.Generator) -> np.ndarray:
    """Move each label with probability `rate` to the next class, the last to the first.

    Notes
    -----
    Source: Co-teaching (Han et al., 2018).
    """
    return _shifted(clean, np.roll(np.arange(clean.n_classes), -1), rate, rng)


def _shifted(
    clean: CleanLabels, target: np.ndarray, rate: float, rng: np.random.Generator
) -> np.ndarray:
    moves = rng.random(len(clean.true_label)) < rate
    return np.where(moves, target[clean.true_label], clean.true_label)


def _ids_by_name(clean: CleanLabels) -> dict[str, int]:
    return {plain(name): label for label, name in enumerate(clean.class_names or ())}


def _no_class_map(noise: str, known: str, clean: CleanLabels) -> UsageError:
    names = clean.class_names or tuple(map(str, range(clean.n_classes)))
    shown = ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")
    return UsageError(
        f"noise {noise!r} has a class map for {known} only, recognised by their class names, and "
        f"this data set has the {len(names)} classes {shown}; use pair_flip, symmetric or instance"
    )
