"""Dead letters, for the operator: look at them, replay, mend or purge them, write them to files and replay these."""

from mti.operations.dead_letters.archive import append_archive, view, write_archive
from mti.operations.dead_letters.bookkeeping import Books, NoBooks, ServiceBooks, counted
from mti.operations.dead_letters.edit import Edited, body_to_edit, one_letter, send_mended
from mti.operations.dead_letters.file_replay import FileReplay
from mti.operations.dead_letters.overtaken import Judge, NoJudge, PublishedJudge
from mti.operations.dead_letters.peek import Mark, Peeked, peek
from mti.operations.dead_letters.ports import DeadLetterQueue
from mti.operations.dead_letters.private_file import read_body, write_body
from mti.operations.dead_letters.purge import purge
from mti.operations.dead_letters.query import Plan, find, plan, survey
from mti.operations.dead_letters.replay import REPLAY_LIMIT, Replayer, ReplayOptions
from mti.operations.dead_letters.results import Progress, PurgeResult, ReplayResult, Step, Why
from mti.operations.dead_letters.selection import Selection

__all__ = [
    "REPLAY_LIMIT",
    "Books",
    "DeadLetterQueue",
    "Edited",
    "FileReplay",
    "Judge",
    "Mark",
    "NoBooks",
    "NoJudge",
    "Peeked",
    "Plan",
    "Progress",
    "PublishedJudge",
    "PurgeResult",
    "ReplayOptions",
    "ReplayResult",
    "Replayer",
    "Selection",
    "ServiceBooks",
    "Step",
    "Why",
    "append_archive",
    "body_to_edit",
    "counted",
    "find",
    "one_letter",
    "peek",
    "plan",
    "purge",
    "read_body",
    "send_mended",
    "survey",
    "view",
    "write_archive",
    "write_body",
]
