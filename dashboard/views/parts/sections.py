"""Parts of a tab, of which one is shown: a tab stays short, and only what is shown is made."""

from collections.abc import Callable, Mapping

from dashboard.views.parts.choices import choose_segment


def show_sections(name: str, sections: Mapping[str, tuple[str, Callable[[], None]]]) -> None:
    """Show the section that was chosen, `name=` in the address; at first the first one.

    `sections` maps each value in the address to the title and the function that shows it.
    """
    titles = {section: title for section, (title, _) in sections.items()}
    sections[choose_segment(name, "Show", titles)][1]()
