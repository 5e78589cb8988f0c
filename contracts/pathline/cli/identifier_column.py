"""The columns that name a person: her identifier as every reader takes it, or why it is none."""

from __future__ import annotations

from dataclasses import dataclass, field

from pathline.cli.errors import WrongMapping
from pathline.cli.sources.record import Record
from pathline.errors import InvalidAttribute, MissingAttribute
from pathline.rows.identifier import (
    BlankIdentifier,
    NoValueIdentifier,
    RoundedIdentifier,
    UncertainIdentifier,
    UnseenCharacter,
    canonical_identifier,
    join_identifier,
)


@dataclass(frozen=True)
class IdentifierColumn:
    """One column, or several that name a person together."""

    columns: tuple[str, ...]
    place: str
    """The field of the event that the person stands in, such as `subject`."""
    confirmed: tuple[str, ...] = ()
    """Texts that look like no value, and are identifiers: somebody has said so."""
    nobody: tuple[str, ...] = ()
    """Texts that are no identifiers: somebody has said so."""
    _confirmed: frozenset[str] = field(init=False, repr=False)
    _nobody: frozenset[str] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_confirmed", frozenset(text.strip() for text in self.confirmed))
        object.__setattr__(self, "_nobody", frozenset(text.strip() for text in self.nobody))

    def is_blank(self, record: Record) -> bool:
        """Whether nobody is named."""
        return not any(record.fields.get(column, "").strip() for column in self.columns)

    def read(self, record: Record) -> str:
        """The canonical identifier. Raises Refused where there is none, and WrongMapping where somebody has to say."""
        return join_identifier([self._read_part(record, column) for column in self.columns])

    def _read_part(self, record: Record, column: str) -> str:
        text = record.fields.get(column, "").strip()
        if text in self._nobody:
            raise MissingAttribute(f"column '{column}' holds what --no-value names", field=self.place)
        try:
            return canonical_identifier(text, confirmed=text in self._confirmed)
        except BlankIdentifier:
            raise MissingAttribute(f"column '{column}' is blank", field=self.place) from None
        except UncertainIdentifier:
            # The text is one of a short list of words, and so may be repeated.
            raise WrongMapping(
                f"line {record.line}: column '{column}' holds {text}, which may mean that nobody is named. Say "
                f"--case-value {text} if it is somebody's identifier, or --no-value {text} to leave such rows out"
            ) from None
        except NoValueIdentifier:
            raise MissingAttribute(
                f"column '{column}' holds what tools write where nothing is. Leave the row out, or say --case-value "
                "with the text if it is somebody's identifier",
                field=self.place,
            ) from None
        except RoundedIdentifier:
            raise InvalidAttribute(
                f"column '{column}' holds a long number that a spreadsheet has rounded; format the column as text "
                "and export it again",
                field=self.place,
            ) from None
        except UnseenCharacter:
            raise InvalidAttribute(
                f"column '{column}' holds a character that cannot be seen, or a space other than the plain one. "
                "Two identifiers that look alike would be two people: write it without",
                field=self.place,
            ) from None
