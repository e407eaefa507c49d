"""A browser with a camera, and what the days of other tests need."""

from tests.desk.enroll.conftest import browser, camera_flags, film, newcomer  # noqa: F401
from tests.desk.enroll.test_import import leftovers  # noqa: F401
from tests.desk.test_alarms import quiet  # noqa: F401
from tests.desk.test_devices import camera  # noqa: F401
from tests.desk.test_plan import ground  # noqa: F401
