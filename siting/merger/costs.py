"""What things cost, stated by whoever decides: nothing here has a default."""

from __future__ import annotations

from dataclasses import dataclass, fields

from siting.errors import StudyError


@dataclass(frozen=True)
class Costs:
    """Money in whole yuan; ``None`` is "nobody has said", never 0.

    Attributes
    ----------
    person_min_yuan
        What one minute a child travels one way on every school day of a year is worth: the stated
        mix of journeys and money.
    school_yuan
        Running cost a year of a school of which the register knows none.
    bus_yuan, board_yuan
        A pupil who comes by bus, who boards: a year.
    seat_yuan, bed_yuan
        A seat, a bed that is built: once.
    """

    person_min_yuan: int
    school_yuan: int | None = None
    bus_yuan: int | None = None
    board_yuan: int | None = None
    seat_yuan: int | None = None
    bed_yuan: int | None = None

    def __post_init__(self) -> None:
        """Refuse what is no whole amount of money.

        Raises
        ------
        StudyError
            Negative or not whole.
        """
        wrong = [
            f.name
            for f in fields(self)
            if (v := getattr(self, f.name)) is not None
            and (isinstance(v, bool) or not isinstance(v, int) or v < 0)
        ]
        if wrong:
            raise StudyError(
                f"costs: {', '.join(wrong)} is no whole number of yuan of 0 or more. Correct it."
            )

    def stated(self, name: str, why: str) -> int:
        """Return a cost that is needed.

        Parameters
        ----------
        name
            Of the attribute.
        why
            What needs it, for the message.

        Raises
        ------
        StudyError
            Nobody has said it.

        Examples
        --------
        >>> Costs(person_min_yuan=20, bus_yuan=1500).stated("bus_yuan", "30 pupils by bus")
        1500
        """
        value: int | None = getattr(self, name)
        if value is None:
            raise StudyError(f"costs.{name} is not stated, and {why}. State it; 0 is a statement.")
        return value
