"""Settings of a run as a person reads them: their names, and numbers of four digits."""

from typing import Any

from dashboard.drawing.text import shorten

LONGEST = 60  # letters of a value


def setting_name(key: str) -> str:
    """Return a key of `run.json` in words.

    Examples
    --------
    >>> [setting_name(key) for key in ("config.learning_rate", "noise.mislabeled_fraction")]
    ['learning rate', 'noise: mislabeled fraction']
    """
    return key.removeprefix("config.").replace(".", ": ").replace("_", " ")


def setting_text(value: Any) -> str:
    """Return a value of `run.json`: a dash where there is none, four digits of a fraction.

    Examples
    --------
    >>> [setting_text(value) for value in (None, 0.4506258692628651, 50000, True, [1, 2.50001])]
    ['–', '0.4506', '50,000', 'yes', '1, 2.5']
    """
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}" if abs(value) >= 10_000 else str(value)
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, list):
        return shorten(", ".join(setting_text(part) for part in value) or "none", LONGEST)
    if isinstance(value, dict):
        parts = (f"{key} {setting_text(part)}" for key, part in value.items())
        return shorten(", ".join(parts) or "none", LONGEST)
    return shorten(str(value), LONGEST)
