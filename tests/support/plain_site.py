"""A site for the desk without simulated devices: nothing at all, or 100 levels and 100 portals."""

from devicemgr.cli.demo.simulated_site import SimulatedSite

PORTALS, LEVELS = 100, 100


def big_site() -> str:
    """Return a site's file with as many levels and portals."""
    parts = [
        '[calendars.kz]\ndays = ["2026-12-16 holiday Тәуелсіздік күні", "2026-12-31 short-day 08:00-13:00"]',
        '[schedules.office]\nwindows = ["mon-fri 08:00-18:00"]\ntimezone = "Asia/Almaty"\nholidays = ["@kz"]',
        '[schedules.night]\nwindows = ["daily 22:00-06:00"]\ntimezone = "Asia/Almaty"',
        "[zones.building]\nmax = 40\nanti_passback = 'soft'",
        '[zones.lab]\nparent = "building"\nmax = 4',
    ]
    for gate in (1, 2):
        driver = f'driver = "modbus_gate"\naddress = "/dev/no-gate-{gate}"\noptions = {{ profile = "relay" }}'
        parts.append(f"[devices.gate-{gate}]\n{driver}")
    for number in range(PORTALS):
        gate = f'gate = "gate-{number // 50 + 1}"\nchannel = {number % 50 + 1}'
        parts.append(f"[portals.portal-{number:03}]\n{gate}")
    for number in range(LEVELS):
        near, next_, far = (f"portal-{(number + step) % PORTALS:03}" for step in (0, 1, 50))
        parts.append(f'[levels.level-{number:03}]\nportals = ["{near}", "{next_}", "{far}@office"]')
    parts += ['[interlocks.trap]\nportals = ["portal-000", "portal-001"]', "[threats.lockdown]\norder = 9"]
    return "\n\n".join(parts) + "\n"


class PlainSite(SimulatedSite):
    """A daemon with operators and what a site's file says; nothing is simulated beside it."""

    WHAT = "the plain site"
    toml = ""

    def _start(self) -> None:
        self.child("init", "init").process.wait(60)
        self.start_daemon()
        if self.toml:
            self.api.post("/site/apply", {"toml": self.toml}, timeout=120)
        for role, password in self.passwords.items():
            self.api.post("/operators", {"name": role, "roles": [role], "password": password})


class BigSite(PlainSite):
    """A site with 100 levels and 100 portals."""

    toml = big_site()
