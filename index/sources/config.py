"""The settings that turn names of classes into prompts; light, for `--help`."""

from __future__ import annotations

from dataclasses import dataclass

from genie_transforms import UserError

from .templates import check_template

DEFAULT_PROMPT = "A photo of a {target}"
"""The paper's."""


@dataclass(frozen=True, kw_only=True)
class TemplateConfig:
    """How prompts speak of the classes.

    Attributes:
        prompt: Template with {target}, and {superclass} if --class-names has them.
        prompt_templates: Several of them in place of --prompt; each pair takes one by its seed.
        agree: Let "a" or "an" before {target} agree with what follows.
    """

    prompt: str = DEFAULT_PROMPT
    prompt_templates: tuple[str, ...] = ()
    agree: bool = False

    def check_templates(self) -> None:
        """Refuse templates that cannot be filled.

        Raises:
            UserError: Names one; or both settings are given.
        """
        for template in self.templates:
            check_template(template)
        if self.prompt_templates and self.prompt != DEFAULT_PROMPT:
            raise UserError(
                f"give --prompt or --prompt-templates, got {self.prompt!r} and "
                f"{list(self.prompt_templates)}"
            )

    @property
    def templates(self) -> tuple[str, ...]:
        """The templates of prompts."""
        return self.prompt_templates or (self.prompt,)
