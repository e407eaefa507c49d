"""What can go wrong, grouped by who must act.

    DevicemgrError
    ├── RequestError          the caller changes the request
    │   ├── InvalidInput      a value is malformed or out of range
    │   │   └── InvalidVulnerabilityList   the site's own list can't be read
    │   ├── NotFound          nothing has that name
    │   ├── AlreadyExists     the name or number is taken
    │   ├── PreconditionFailed  what the request builds on has changed
    │   ├── NotAllowed        the caller may not do this
    │   ├── ApprovalNeeded    another admin must agree first
    │   ├── NotSignedIn       the caller is unknown, or no longer known
    │   ├── TooManyTries      wait, then try again
    │   ├── Misdirected       the request names another host
    │   ├── PlanHeld          a plan that takes away from unusually many people
    │   ├── PlanOutdated      the site or the file is no longer what the plan was made of
    │   ├── AlarmChanged      the alarm is no longer as the operator has seen it
    │   ├── KeptBySource      the person's source alone changes this
    │   ├── ConsentRequired   no consent, no face
    │   ├── ConsentWithdrawn  the person has taken this consent back
    │   ├── ConsentEnded      this consent has run out
    │   └── PhotoRefused      the photo is not fit for enrollment (reasons attached)
    ├── DeviceError           the technician looks at a device
    │   ├── DeviceUnreachable no line, no answer
    │   ├── DeviceBusy        another program holds the port or session
    │   ├── DeviceRefused     it answered, and the answer is no (wrong password, exception code)
    │   │   ├── DeviceLacks   it does not have this function
    │   │   └── NotYet        it did nothing now, and may do it in a moment
    │   ├── DeviceUnready     it waits for a person, and trying again helps nothing: no key yet
    │   ├── DeviceGarbled     it answered something that is not its protocol
    │   └── OutcomeUnknown    a command left and no answer came: it may have been carried out
    ├── SourceUnreachable     a server outside can't be read, such as that of a calendar
    └── SystemFault           the operator of the box looks at it
        ├── NotInitialized    the home holds no database yet
        │   └── DatabaseNewer     its database is a newer program's
        ├── DaemonUnreachable the daemon does not answer
        ├── AlreadyRunning    another daemon owns this home
        ├── StorageFailed     the disk or the database refuses
        │   └── DatabaseDamaged   what is in the database's file can't be trusted
        └── KeyMissing        the key file is absent, unreadable, or not this database's

Each message is one line: what happened, and what to do. A step that each client takes in a way of its own, such as a
command of the terminal, stands beside it as a `Hint`.
"""

from collections.abc import Mapping, Sequence


class Hint:
    """What to do next, as a code with arguments (JSON values); each client has words of its own for it."""

    def __init__(self, code: str, **args: object) -> None:
        self.code = code
        self.args = args

    def as_json(self) -> dict[str, object]:
        """Return the hint as the API's documents carry it."""
        return {"code": self.code, "args": self.args}


class DevicemgrError(Exception):
    """The base of all expected failures; `exit_code` and `http_status` are what INTERFACES promises.

    `code` and `facts`, JSON values that the message mentions, let a client say it in another language; without a code
    of its own an error has that of its class. `hint` says what to do next, where that depends on the client.
    """

    exit_code = 1
    http_status = 500
    slug = "error"

    def __init__(
        self,
        message: str = "",
        *,
        code: str | None = None,
        facts: Mapping[str, object] | None = None,
        hint: Hint | None = None,
    ) -> None:
        super().__init__(message)
        self._problem_code = code
        self.facts = dict(facts or {})
        self.hint = hint

    @property
    def problem_code(self) -> str:
        """Return what happened as one word, such as `device_not_found`."""
        return self._problem_code or self.slug.replace("-", "_")


class RequestError(DevicemgrError):
    """The caller must change the request."""

    http_status = 400
    slug = "bad-request"


class InvalidInput(RequestError):
    """A value is malformed or out of range."""

    http_status = 422
    slug = "invalid-input"


class InvalidVulnerabilityList(InvalidInput):
    """The list of vulnerable firmware can't be read: the same for every device that is judged by it."""

    slug = "invalid-vulnerability-list"


class NotFound(RequestError):
    """Nothing has that name."""

    http_status = 404
    slug = "not-found"


class AlreadyExists(RequestError):
    """The name or number is taken."""

    http_status = 409
    slug = "already-exists"


class PreconditionFailed(RequestError):
    """What the request builds on has been changed since it was read."""

    http_status = 412
    slug = "precondition-failed"


class NotAllowed(RequestError):
    """The caller may not do this."""

    http_status = 403
    slug = "not-allowed"


class ApprovalNeeded(RequestError):
    """Another admin must agree first."""

    http_status = 409
    slug = "approval-needed"


class NotSignedIn(RequestError):
    """The caller is unknown, or no longer known."""

    http_status = 401
    slug = "not-signed-in"


class TooManyTries(RequestError):
    """The caller must wait, for `retry_after_s` seconds where that is known."""

    http_status = 429
    slug = "too-many-tries"

    def __init__(self, message: str, *, code: str | None = None, retry_after_s: int | None = None) -> None:
        super().__init__(message, code=code)
        self.retry_after_s = retry_after_s


class Misdirected(RequestError):
    """The request names a host that is not this one."""

    http_status = 421
    slug = "misdirected"


class PlanHeld(RequestError):
    """A plan that would take away from unusually many people, and that no one has accepted yet."""

    http_status = 409
    slug = "plan-held"


class PlanOutdated(RequestError):
    """The site or the file is no longer what the plan was made of."""

    http_status = 409
    slug = "plan-outdated"


class AlarmChanged(RequestError):
    """The alarm is no longer as the operator has seen it: it has begun again, or another operator was first."""

    http_status = 409
    slug = "alarm-changed"


class KeptBySource(RequestError):
    """What the person's source keeps is changed there."""

    http_status = 409
    slug = "kept-by-source"


class SwitchedOff(RequestError):
    """The site has not switched this on."""

    http_status = 409
    slug = "switched-off"


class ConsentRequired(RequestError):
    """No recorded consent, so no face is stored or matched."""

    http_status = 409
    slug = "consent-required"


class ConsentWithdrawn(RequestError):
    """The person has withdrawn this consent; a face comes back under a new one only."""

    http_status = 409
    slug = "consent-withdrawn"


class ConsentEnded(RequestError):
    """This consent has run out; a face comes back under a new one only."""

    http_status = 409
    slug = "consent-ended"


class PhotoRefused(RequestError):
    """A photo is not fit for enrollment; `faces` holds one analysis (JSON-ready dict) per photo, in order."""

    http_status = 422
    slug = "photo-refused"

    def __init__(self, message: str, faces: Sequence[dict[str, object]] = ()) -> None:
        super().__init__(message)
        self.faces = list(faces)


class DeviceError(DevicemgrError):
    """The technician must look at a device or its wiring."""

    exit_code = 3
    http_status = 502
    slug = "device-error"


class DeviceUnreachable(DeviceError):
    """No line or no answer."""

    slug = "device-unreachable"


class DeviceBusy(DeviceError):
    """Another program holds the port or the session."""

    slug = "device-busy"


class DeviceRefused(DeviceError):
    """It answered, and the answer is no (wrong password, Modbus exception)."""

    exit_code = 1
    slug = "device-refused"


class HeldInPart(DeviceRefused):
    """It holds what fits, and nothing that must go; the message says what is missing."""

    slug = "held-in-part"


class NotVerifiable(DeviceRefused):
    """It took what was sent and says nothing against it, and can't be verified to have removed all of it.

    `only_faces` when only a face can't be verified.
    """

    slug = "not-verifiable"

    def __init__(self, message: str, *, only_faces: bool = True) -> None:
        super().__init__(message)
        self.only_faces = only_faces


class NotYet(DeviceRefused):
    """It answered that it can't do this now, which proves that nothing was done: the same may be sent again."""

    slug = "device-not-yet"


class DeviceLacks(DeviceRefused):
    """It does not have the requested function."""

    slug = "device-lacks"


class DeviceUnready(DeviceError):
    """It waits for a person to bring it into service, which is no failure of its own."""

    exit_code = 1
    http_status = 409
    slug = "device-unready"


class DeviceGarbled(DeviceError):
    """It answered something that is not its protocol."""

    slug = "device-garbled"


class OutcomeUnknown(DeviceError):
    """A command left and no answer came: it may or may not have been carried out, and is not repeated."""

    slug = "outcome-unknown"


class SystemFault(DevicemgrError):
    """The operator of the box must act."""

    http_status = 503
    slug = "system-fault"


class SourceUnreachable(DevicemgrError):
    """A server outside, from which something is read now and then, can't be reached or gives no such thing."""

    exit_code = 3
    http_status = 502
    slug = "source-unreachable"


class NotInitialized(SystemFault):
    """The home holds no database, or one of an older version."""

    slug = "not-initialized"


class DatabaseNewer(NotInitialized):
    """The database was migrated by a newer program, which alone can open it."""

    slug = "database-newer"


class DaemonUnreachable(SystemFault):
    """The daemon does not answer on its socket."""

    exit_code = 3
    slug = "daemon-unreachable"


class AlreadyRunning(SystemFault):
    """Another daemon owns this home."""

    slug = "already-running"


class StorageFailed(SystemFault):
    """The disk or the database refuses to store; `advice`, where one is given, is the second half of the message."""

    slug = "storage-failed"

    def __init__(self, message: str = "", *, advice: str = "", hint: Hint | None = None) -> None:
        super().__init__(f"{message}; {advice}" if advice else message, hint=hint)
        self.advice = advice


class DatabaseDamaged(StorageFailed):
    """What the database's file holds is damaged; the one reason for which it is quarantined."""

    slug = "database-damaged"


class KeyMissing(SystemFault):
    """The key file is absent, unreadable, too open, or not this database's."""

    slug = "key-missing"
