"""What a feed is to look like."""

from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

CSV_COLUMNS = (
    "Timestamp",
    "SHA256",
    "MD5",
    "FileName",
    "FileSize",
    "FileMimeType",
    "SendingIP",
    "RecipientAddress",
    "SenderAddress",
    "SenderDomain",
)
"""The columns that public clients of the feed read, in no documented order."""


class CsvForm(BaseModel):
    """How a feed looks as CSV."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    columns: tuple[str, ...] = CSV_COLUMNS
    """Any of `CSV_COLUMNS` and `SHA1`, in any order."""
    trailing_newline: bool = False

    @model_validator(mode="after")
    def _columns_are_known(self) -> Self:
        unknown = set(self.columns) - {*CSV_COLUMNS, "SHA1"}
        missing = {"Timestamp", "SHA256"} - set(self.columns)
        if unknown or missing or len(set(self.columns)) != len(self.columns):
            raise ValueError(f"CSV columns: unknown {sorted(unknown)}, missing {sorted(missing)}, or doubled")
        return self


class FeedSpec(BaseModel):
    """The measures of one feed; the same spec and window give the same detections."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    seed: int = 0
    detections: int = Field(default=1000, ge=0)
    distinct: int | None = Field(default=None, ge=1)
    """Different files among them, test files not counted; `None` is one for seven detections."""
    test_files: int = Field(default=1, ge=0)
    """How many of the detections are EICAR."""
    hours: float = Field(default=144.0, gt=0)
    """The detections are spread over this time before the feed's end."""
    upper_case_rate: float = Field(default=0.1, ge=0, le=1)
    missing_rate: float = Field(default=0.08, ge=0, le=1)
    """For each of name, size, MIME type and IP by itself."""
    title_missing_rate: float = Field(default=0.05, ge=0, le=1)
    md5_only_rate: float = Field(default=0.0, ge=0, le=1)
    """The part of the files of which only the MD5 is known."""
    sha1_only_rate: float = Field(default=0.0, ge=0, le=1)
    """The part of the files of which only the SHA-1 is known; the CSV form then needs the column `SHA1`."""
    late: int = Field(default=0, ge=0)
    """How many of the detections become visible only `late_after_seconds` after the feed's end."""
    late_after_seconds: float = Field(default=60.0, ge=0)
    csv: CsvForm = CsvForm()
    page_size: int | None = Field(default=None, ge=1)
    """Detections a page; `None` is the simulator's own."""

    @property
    def distinct_files(self) -> int:
        """How many different files the feed shows."""
        wanted = self.distinct if self.distinct is not None else max(1, self.detections // 7)
        return max(1, min(wanted, self.detections - self.test_files))

    @model_validator(mode="after")
    def _counts_fit(self) -> Self:
        if self.test_files > self.detections or self.late > self.detections:
            raise ValueError("test_files and late are parts of detections")
        if self.md5_only_rate and "MD5" not in self.csv.columns:
            raise ValueError("md5_only_rate needs the CSV column MD5")
        if self.sha1_only_rate and "SHA1" not in self.csv.columns:
            raise ValueError("sha1_only_rate needs the CSV column SHA1")
        return self
