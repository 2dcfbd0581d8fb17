"""Text from anywhere, shown as it is: one function for Markdown, HTML and plotly.

A scenario may come from a stranger's file, and its names end up in tables, titles and labels.
Markdown, HTML and plotly each read some characters as signs of their own. All three also read a
number such as ``&#60;`` as the character that it stands for, and never as a sign; so `literal`
writes those characters as numbers, and leaves all others as they are:

    >>> literal("<img src=x onerror=alert(1)>")
    '&#60;img src=x onerror=alert(1)>'
    >>> literal("order->inventory: 100 % of mesh_requests_total")
    'order->inventory: 100 % of mesh_requests_total'

In an attribute of HTML the result belongs between double quotes.
"""

from __future__ import annotations

import re

SIGNS = re.compile(
    r"""
      [&<"]                                 # HTML, and plotly's own tags
    | [\\`*\[\]|~]                          # Markdown: code, emphasis, links, cells of a table
    | (?<![^\W_]) _ | _ (?![^\W_])          # Markdown, except within a word: a_b
    | \$                                    # formulas
    | % (?=\{)                              # plotly: %{x} is filled in
    | : (?=//) | (?<=www) \. | @            # Markdown: addresses that become links
    """,
    re.VERBOSE | re.IGNORECASE,
)
"""What one of the three takes for a sign of its own. The end of a line becomes a space."""


def literal(text: object) -> str:
    """``text`` for Markdown, HTML and plotly, which then show exactly this."""
    line = " ".join(str(text).splitlines())
    return SIGNS.sub(lambda sign: f"&#{ord(sign[0])};", line)
