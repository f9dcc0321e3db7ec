"""Network drivers."""

from course_lib.engine.network.drivers.base import Driver
from course_lib.engine.network.drivers.bridge import BridgeDriver
from course_lib.engine.network.drivers.null import NullDriver
from course_lib.engine.network.drivers.overlay import OverlayDriver

__all__ = ["BridgeDriver", "Driver", "NullDriver", "OverlayDriver"]
