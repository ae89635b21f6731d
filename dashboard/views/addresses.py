"""Where each thing is: the pages of the menu, their tabs, and the addresses of earlier versions."""

from urllib.parse import urlencode

from hmw_core.log.reader import RunReader

# What had a page of its own once, and what its links still call it: the page now, and what its
# address then asks for.
PLACES: dict[str, tuple[str, dict[str, str]]] = {
    "overview": ("runs", {}),
    "train": ("train", {}),
    "compare": ("compare", {}),
    "samples": ("inspect", {}),
    "sample": ("inspect", {"sample": "first"}),
    "class": ("inspect", {"class": "0"}),
    "criteria": ("paper", {"tab": "curves"}),
    "logits": ("paper", {"tab": "logits"}),
    "sphere": ("paper", {"tab": "sphere"}),
    "clusters": ("paper", {"tab": "clusters"}),
    "accuracy": ("paper", {"tab": "accuracy"}),
    "export": ("paper", {"tab": "export"}),
    "duplicates": ("fix", {"tab": "suspects", "find": "duplicates"}),
    "review": ("fix", {"tab": "review", "do": "judge"}),
    "labels": ("fix", {"tab": "labels"}),
    "proof": ("fix", {"tab": "proof"}),
    "detection": ("detection", {"tab": "detection"}),
    "agreement": ("detection", {"tab": "agreement"}),
    "duel": ("detection", {"tab": "duel"}),
    "threshold": ("threshold", {"tab": "threshold"}),
    "weights": ("threshold", {"tab": "weights"}),
    "sweeps": ("threshold", {"tab": "sweeps"}),
    "method": ("timeline", {"tab": "method"}),
    "timeline": ("timeline", {"tab": "timeline"}),
    "learning": ("timeline", {"tab": "learning"}),
    "transition": ("timeline", {"tab": "transition"}),
}


def page_file(name: str) -> str:
    """Return the file of the page on which one of `PLACES` is, as Streamlit's switches take it."""
    return f"views/pages/{PLACES[name][0]}.py"


def query_of(name: str, run: str, network: int = 1, **more: str) -> dict[str, str]:
    """Return what the address of one of `PLACES` asks for: run, network (not 1), tab."""
    asked = {"run": run, **({"network": str(network)} if network > 1 else {})}
    return asked | PLACES[name][1] | more


def link_to(name: str, run: RunReader, **more: str) -> str:
    """Return the address of one of `PLACES` with this run and its network."""
    return f"{PLACES[name][0]}?{urlencode(query_of(name, run.name, run.network, **more))}"
