"""Two small widgets for panels, made for keyboards and screen readers.

ipywidgets' slider has a handle without a name, and its HTML is not read out when it changes. These
are plain elements of HTML (`<input type="range">`, `<p aria-live>`), with a name and a voice.
"""

from __future__ import annotations

from anywidget import AnyWidget
from traitlets import Float, Unicode

from meshlab.rules import check
from meshlab.wording import say


class Slider(AnyWidget):
    """A number to move: with the mouse, or with the arrow keys once it has the focus.

    ``value`` runs from ``min`` to ``max`` in steps of ``step``. With the unit "%" it is a share
    (0..1) and is told in percent. ConfigError if ``value`` lies outside.
    """

    value = Float().tag(sync=True)
    min = Float().tag(sync=True)
    max = Float().tag(sync=True)
    step = Float().tag(sync=True)
    description = Unicode().tag(sync=True)
    unit = Unicode().tag(sync=True)

    # JupyterLab would take the arrow keys for itself: data-lm-suppress-shortcuts keeps them here.
    _esm = """
    export default {
      render({ model, el }) {
        const label = document.createElement("label");
        const name = document.createElement("span");
        const range = document.createElement("input");
        const readout = document.createElement("span");
        name.textContent = model.get("description");
        range.type = "range";
        readout.ariaHidden = "true";  // the handle says it
        range.dataset.lmSuppressShortcuts = "true";
        for (const bound of ["min", "max", "step"]) range[bound] = model.get(bound);
        label.append(name, range);
        el.append(label, readout);
        el.classList.add("meshlab-slider");

        const tell = () => {
          const unit = model.get("unit"), share = unit === "%";
          const number = +(range.valueAsNumber * (share ? 100 : 1)).toPrecision(6);
          readout.textContent = unit ? `${number} ${unit}` : `${number}`;
          range.setAttribute("aria-valuetext", readout.textContent);
        };
        const follow = () => { range.value = model.get("value"); tell(); };
        range.addEventListener("input", () => {
          model.set("value", range.valueAsNumber);
          model.save_changes();
          tell();
        });
        model.on("change:value", follow);
        follow();
        return () => model.off("change:value", follow);
      },
    };
    """
    _css = """
    .meshlab-slider, .meshlab-slider label { display: flex; align-items: center; gap: 0.7em; }
    .meshlab-slider { font: var(--jp-ui-font-size1, 13px) var(--jp-ui-font-family, sans-serif); }
    .meshlab-slider input { width: 18em; accent-color: #0072B2; }
    .meshlab-slider > span { min-width: 5em; font-variant-numeric: tabular-nums; }
    """

    def __init__(
        self, description: str, value: float, low: float, high: float, step: float, unit: str = ""
    ) -> None:
        where = f"slider {description!r}"
        check(low < high and step > 0, where, "low < high and step > 0", (low, high, step))
        check(low <= value <= high, where, f"value must be in {low}..{high}", value)
        super().__init__(
            value=value, min=low, max=high, step=step, description=description, unit=unit
        )

    def __repr__(self) -> str:
        return f"{self.description}: {say(self.value, self.unit)}"


class Words(AnyWidget):
    """A line of text that a screen reader says when it changes."""

    text = Unicode().tag(sync=True)

    _esm = """
    export default {
      render({ model, el }) {
        const line = document.createElement("p");
        line.setAttribute("role", "status");
        line.className = "meshlab-words";
        const follow = () => { line.textContent = model.get("text"); };
        model.on("change:text", follow);
        el.append(line);
        follow();
        return () => model.off("change:text", follow);
      },
    };
    """
    _css = """
    .meshlab-words { font-style: italic; max-width: 90ch; margin: 0 0 0.7em;
      font-size: var(--jp-content-font-size1, 14px); line-height: 1.5; }
    """

    def __repr__(self) -> str:
        return str(self.text)
