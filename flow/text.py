"""Text from files, made safe to show."""

__all__ = ["visible"]


def visible(text: object) -> str:
    """Text in which no character hides or turns others around: those without a shape of their own by number."""
    return "".join(c if c.isprintable() or c == "\n" else f"⟨U+{ord(c):04X}⟩" for c in str(text))
