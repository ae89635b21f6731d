"""Class tables of CIFAR-10 and CIFAR-100, by name, so that a data set is known by its classes."""

from collections.abc import Sequence

CIFAR10_NAMES = (
    *("airplane", "automobile", "bird", "cat", "deer"),
    *("dog", "frog", "horse", "ship", "truck"),
)

CIFAR10_ASYMMETRIC = {
    "truck": "automobile",
    "bird": "airplane",
    "deer": "horse",
    "cat": "dog",
    "dog": "cat",
}
"""Source: Patrini et al. (2017), as in UNICON, DivideMix and HMW; other classes keep theirs."""

CIFAR100_SUPERCLASSES = {
    "aquatic mammals": ("beaver", "dolphin", "otter", "seal", "whale"),
    "fish": ("aquarium fish", "flatfish", "ray", "shark", "trout"),
    "flowers": ("orchid", "poppy", "rose", "sunflower", "tulip"),
    "food containers": ("bottle", "bowl", "can", "cup", "plate"),
    "fruit and vegetables": ("apple", "mushroom", "orange", "pear", "sweet pepper"),
    "household electrical devices": ("clock", "keyboard", "lamp", "telephone", "television"),
    "household furniture": ("bed", "chair", "couch", "table", "wardrobe"),
    "insects": ("bee", "beetle", "butterfly", "caterpillar", "cockroach"),
    "large carnivores": ("bear", "leopard", "lion", "tiger", "wolf"),
    "large man-made outdoor things": ("bridge", "castle", "house", "road", "skyscraper"),
    "large natural outdoor scenes": ("cloud", "forest", "mountain", "plain", "sea"),
    "large omnivores and herbivores": ("camel", "cattle", "chimpanzee", "elephant", "kangaroo"),
    "medium-sized mammals": ("fox", "porcupine", "possum", "raccoon", "skunk"),
    "non-insect invertebrates": ("crab", "lobster", "snail", "spider", "worm"),
    "people": ("baby", "boy", "girl", "man", "woman"),
    "reptiles": ("crocodile", "dinosaur", "lizard", "snake", "turtle"),
    "small mammals": ("hamster", "mouse", "rabbit", "shrew", "squirrel"),
    "trees": ("maple tree", "oak tree", "palm tree", "pine tree", "willow tree"),
    "vehicles 1": ("bicycle", "bus", "motorcycle", "pickup truck", "train"),
    "vehicles 2": ("lawn mower", "rocket", "streetcar", "tank", "tractor"),
}
"""Source: Krizhevsky (2009), the coarse labels. Alphabetical, as are the data set's ids."""


def is_cifar10(class_names: Sequence[str] | None) -> bool:
    """Return whether the classes are CIFAR-10's, in any order."""
    return class_names is not None and sorted(map(plain, class_names)) == sorted(CIFAR10_NAMES)


def is_cifar100(class_names: Sequence[str] | None) -> bool:
    """Return whether the classes are the fine classes of CIFAR-100, in any order."""
    fine = sorted(name for names in CIFAR100_SUPERCLASSES.values() for name in names)
    return class_names is not None and sorted(map(plain, class_names)) == fine


def plain(class_name: str) -> str:
    """Return the name as the tables here spell it: lower case, spaces for underscores."""
    return class_name.strip().lower().replace("_", " ")
