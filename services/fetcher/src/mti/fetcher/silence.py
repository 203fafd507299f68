"""Keeps hosts and accounts that do not answer from holding the jobs that others need.

A call that gets no answer holds one of the process's few jobs until it times out: ten seconds where no connection
comes about, a minute where the answer does not. A region of a hundred tenants that is gone would hold all of them. So:

- **A host that is silent** is left alone but for one call at a time: after calls of three accounts in a row without an
  answer, or while a quarter of the jobs wait for it and it has answered none since. One call probes it every ten
  seconds to a minute; any answer, whatever its status, ends this. An account that is known to be silent says nothing
  about its host: its neighbours must not be held back for its sake.
- **An account that was silent** shares a quarter of the jobs with all others that were, so that accounts which hang
  in a healthy region hold no more than that together.

Who is held back does not fail: its job waits a little and comes again. All this is in the memory of the process: a
second process finds out for itself, at the price of a few time-outs.
"""

import logging
import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from mti.common.backoff import Backoff
from mti.common.errors import Pause
from mti.common.ports.clock import Clock
from mti.common.registry.model import MimecastAccount
from mti.fetcher.mimecast import NoAnswer, subject_of

log = logging.getLogger(__name__)

BRIEF: Final = 2.0
"""Seconds: a call that failed within them, such as a refused connection, held nobody up and does not count."""
OVERDUE: Final = 5.0
"""Seconds after which a call that waits counts towards a host's silence."""
IN_A_ROW: Final = 3
"""Calls without an answer, of as many accounts."""
PROBES: Final = Backoff(first=timedelta(seconds=10), longest=timedelta(minutes=1))
"""Between two probes of a silent host."""
AGAIN: Final = timedelta(seconds=15)
"""How long a job waits that found no place among the suspects."""
SPREAD: Final = 5.0
"""Seconds over which the jobs that are held back come again."""


class NotAsked(Pause):
    """The call was not made, since the host or the account does not answer. Nothing else is wrong with the source."""

    def __init__(self, description: str, delay: timedelta) -> None:
        super().__init__("MimecastSilent", description, delay)


@dataclass(slots=True)
class _Host:
    failures: int = 0
    """In a row, each of an account that was not silent before."""
    probed_next: float = 0.0
    waiting: dict[object, float] = field(default_factory=dict)
    """When the calls began that it has not answered: none before its last answer, and none of a silent account."""


class Silences:
    """What a process knows of who does not answer.

    Args:
        jobs: that the process handles at once.
        clock: the time.
        rng: the jitter.
    """

    def __init__(self, jobs: int, clock: Clock, rng: random.Random) -> None:
        self._places = max(1, jobs // 4)
        self._clock = clock
        self._rng = rng
        self._hosts: dict[str, _Host] = {}
        self._suspects: dict[tuple[str, str], int] = {}
        """Accounts that were silent, and how many calls of theirs are under way."""

    @contextmanager
    def call(self, source: str, account: MimecastAccount) -> Iterator[None]:
        """Keep a call's place while it is made, and learn from how it ends.

        Raises:
            NotAsked: it is not to be made now.
        """
        host = self._hosts.setdefault(account.base_url, _Host())
        suspect = (account.base_url, account.tenant)
        self._refuse_a_suspect(source, account, suspect)
        self._refuse_a_silent_host(source, account, host)
        call, began, known = object(), self._clock.monotonic(), suspect in self._suspects
        if known:
            self._suspects[suspect] += 1
        else:
            host.waiting[call] = began
        answered = False
        try:
            yield
            answered = True
        except NoAnswer:
            if self._clock.monotonic() - began > BRIEF:
                self._silent(account, host, known=known)
                self._suspects.setdefault(suspect, 1)
            raise
        except Pause as error:
            # Without its secrets nobody was asked.
            answered = error.reason != "SecretUnavailable"
            raise
        except Exception:
            answered = True
            raise
        finally:
            host.waiting.pop(call, None)
            if answered:
                self._answered(account, host)
                self._suspects.pop(suspect, None)
            elif suspect in self._suspects:
                self._suspects[suspect] = max(0, self._suspects[suspect] - 1)

    def _refuse_a_suspect(self, source: str, account: MimecastAccount, suspect: tuple[str, str]) -> None:
        if suspect in self._suspects and sum(self._suspects.values()) >= self._places:
            raise NotAsked(
                f"{subject_of(source, account.tenant)}: the account's last call got no answer, and as many accounts as"
                f" may be asked at once are in the same state; if it goes on, look at Mimecast's status page and at the"
                " way there",
                AGAIN + self._spread(),
            )

    def _refuse_a_silent_host(self, source: str, account: MimecastAccount, host: _Host) -> None:
        now = self._clock.monotonic()
        overdue = sum(now - began > OVERDUE for began in host.waiting.values())
        if host.failures >= IN_A_ROW:
            wait = host.probed_next - now
        elif overdue >= max(2, self._places):
            wait = PROBES.first / timedelta(seconds=1)
        else:
            return
        if wait <= 0 and not host.waiting:
            host.probed_next = now + PROBES.delay(host.failures - IN_A_ROW, self._rng) / timedelta(seconds=1)
            return
        raise NotAsked(
            f"{subject_of(source, account.tenant)}: {account.base_url} answers nobody, and is left alone but for one"
            " call at a time; if it goes on, look at Mimecast's status page and at the way there",
            timedelta(seconds=max(wait, 1.0)) + self._spread(),
        )

    def _silent(self, account: MimecastAccount, host: _Host, *, known: bool) -> None:
        if known and host.failures < IN_A_ROW:
            return
        host.failures += 1
        wait = PROBES.delay(max(0, host.failures - IN_A_ROW), self._rng)
        host.probed_next = self._clock.monotonic() + wait / timedelta(seconds=1)
        if host.failures == IN_A_ROW:
            log.warning("a host does not answer and is left alone but for probes", extra={"host": account.base_url})

    def _answered(self, account: MimecastAccount, host: _Host) -> None:
        if host.failures >= IN_A_ROW:
            log.info("a host answers again", extra={"host": account.base_url})
        host.failures = 0
        host.waiting.clear()

    def _spread(self) -> timedelta:
        return timedelta(seconds=self._rng.random() * SPREAD)
