"""What one row of a verb table says."""
import dataclasses


@dataclasses.dataclass(frozen=True)
class Row:
    """Words after the verb, for a run that succeeds and for one that is refused with `code`.

    `before` and `before_refusal` are called with the program's folder, to prepare what the run needs. A verb that
    stays (`serves`) has to print one JSON line when it is ready; then it gets SIGTERM and must end with 0.
    Words go through str.format with the folder as `here`; `good` may be a function of the folder that gives them.
    """
    good: tuple
    refused: tuple
    code: int
    before: object = None
    before_refusal: object = None
    stdin: str = ""
    serves: bool = False
