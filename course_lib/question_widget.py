"""A question with buttons: press one, and read why it is right or wrong (ipywidgets)."""

from __future__ import annotations

from collections.abc import Callable

from ipywidgets import HTML, Box, Button, HBox, Layout, VBox

from course_lib import stand_in
from course_lib.questions import Option, Question
from course_lib.showing import GREEN, VERMILION, rich


class QuestionWidget:
    """The widgets of one question; ``box`` is what is shown."""

    def __init__(self, question: Question) -> None:
        self.question = question
        self.buttons: dict[str, Button] = {}
        self.feedback = HTML()
        rows: list[Box] = []
        for letter, option in question.lettered():
            button = Button(
                description=letter,
                tooltip=f"Answer {letter}",
                layout=Layout(width="2.6em", flex="0 0 auto"),
            )
            button.on_click(self._answerer(letter, option))
            self.buttons[letter] = button
            text = HTML(f'<div style="line-height:1.45;padding-top:3px">{rich(option.text)}</div>')
            text.layout = Layout(flex="1 1 auto", margin="0 0 0 6px")
            rows.append(HBox([button, text], layout=Layout(align_items="flex-start")))
        title = HTML(f'<div style="line-height:1.45"><strong>{rich(question.text)}</strong></div>')
        self.box = VBox([title, *rows, self.feedback])
        self.box.layout = Layout(
            border_left="6px solid #CC79A7",
            border_top=_LINE, border_right=_LINE, border_bottom=_LINE,
            padding="8px 16px", margin="6px 0", max_width="60em",
        )  # fmt: skip

    def show(self) -> None:
        """Below the cell of a notebook; where widgets do not run, the still text."""
        stand_in.show(self.box, self.question.still())

    def _answerer(self, letter: str, option: Option) -> Callable[[Button], None]:
        def answer(button: Button) -> None:
            button.button_style = "success" if option.right else "warning"
            self.feedback.value = _feedback(letter, option)

        return answer


_LINE = "1px solid rgba(128,128,128,.35)"


def _feedback(letter: str, option: Option) -> str:
    colour, sign = (
        (GREEN, "\N{HEAVY CHECK MARK}") if option.right else (VERMILION, "\N{HEAVY BALLOT X}")
    )
    word = "Right." if option.right else "Not quite."
    return (
        f'<div role="status" style="line-height:1.45;border-left:3px solid {colour};'
        f'padding:2px 10px;margin-top:4px"><strong><span style="color:{colour}">{sign}</span> '
        f"{letter}: {word}</strong> {rich(option.why)}</div>"
    )
