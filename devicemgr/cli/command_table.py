"""Every command of the core: the module that defines it, and the line that the help of its group shows.

Help and usage errors are read from here, so that a command imports no module but its own.
"""

from typing import NamedTuple


class Row(NamedTuple):
    """One command: `module:attribute` of the Typer app that registers it, its one-line help, and an example."""

    place: str
    help: str
    example: str = ""


_SUPPORT_BUNDLE = "devicemgr.cli.system.support_bundle:app"
_SYSTEM = "devicemgr.cli.system.system:app"
_DAEMON = "devicemgr.cli.system.daemon:app"
_DOCTOR = "devicemgr.cli.system.doctor:app"
_CLOCK = "devicemgr.cli.site.clock:app"
_SITE_FILE = "devicemgr.cli.site.site_file:app"
_EVENTS = "devicemgr.cli.site.events:app"
_BACKUP = "devicemgr.cli.system.backup:app"
_RECOVER = "devicemgr.cli.system.recover:app"
_DEMO = "devicemgr.cli.demo.demo:app"
_BENCH = "devicemgr.cli.demo.bench:app"
_PEOPLE = "devicemgr.cli.people.people:app"
_TABLES = "devicemgr.cli.people.tables:app"
_SOURCES = "devicemgr.cli.people.sources:source"
_FACES = "devicemgr.cli.people.faces:app"
_CAMERA_ENROLLMENT = "devicemgr.cli.people.camera_enrollment:app"
_CALIBRATE = "devicemgr.cli.people.calibrate:app"
_EVALUATE = "devicemgr.cli.people.evaluate:app"
_MODEL_MIGRATION = "devicemgr.cli.people.model_migration:app"
_ACCESS_LEVELS = "devicemgr.cli.site.access_levels:app"
_CARDS = "devicemgr.cli.people.credentials:card"
_DEVICES = "devicemgr.cli.devices.devices:app"
_DISCOVER = "devicemgr.cli.devices.discover:app"
_FIRMWARE = "devicemgr.cli.devices.firmware:app"
_INVENTORY = "devicemgr.cli.devices.inventory:app"
_RECORD = "devicemgr.cli.devices.record:app"
_SYNC = "devicemgr.cli.devices.sync:app"
_TRACE = "devicemgr.cli.devices.trace:app"
_MAINTENANCE = "devicemgr.cli.devices.maintenance:app"
_PROVISION = "devicemgr.cli.devices.provision:app"
_PORTALS = "devicemgr.cli.site.portals:app"
_UDEV = "devicemgr.cli.devices.udev:app"
_AUDIT = "devicemgr.cli.system.audit:app"
_OPERATORS = "devicemgr.cli.site.operators:app"
_CALENDARS = "devicemgr.cli.site.calendars:calendar"
_ZONES = "devicemgr.cli.areas.zones:zone"
_ACCESS = "devicemgr.cli.areas.access:app"
_VISITORS = "devicemgr.cli.visitors.visitors:app"
_ALARMS = "devicemgr.cli.areas.alarms:app"
_MUSTERS = "devicemgr.cli.areas.musters:app"
_REPORTS = "devicemgr.cli.areas.reports:app"
_THREATS = "devicemgr.cli.areas.threats:app"
_PLANS = "devicemgr.cli.areas.plans:app"
_INTERLOCKS = "devicemgr.cli.areas.zones:interlock"
_DEPARTMENTS = "devicemgr.cli.site.departments:app"
_OUTLETS = "devicemgr.cli.outlets.outlets:outlet"
_KEYS = "devicemgr.cli.site.keys:app"

GROUPS = {
    "person": "People: who they are, from when to when, with which access levels.",
    "source": "Sources: tables that people come from by themselves.",
    "enroll": "Faces: enrolled from photos, under a recorded consent.",
    "level": "Access levels: which portals, and when.",
    "department": "Departments: access levels that all people of one hold.",
    "schedule": "Schedules: the hours of a week.",
    "calendar": "Calendars: holidays, short days and worked weekends, for schedules.",
    "card": "Cards: which card is whose.",
    "pin": "PINs: digits to type beside a card or a face.",
    "device": "Devices: cameras, gates, readers and consoles.",
    "portal": "Portals: doors and turnstiles that open.",
    "zone": "Zones: the places that portals lead to, and what is checked of who is inside.",
    "visitor": "Visitors: who is expected, who is here, and who has left.",
    "threat": "Threats: states in which few people pass, such as a lockdown.",
    "alarm": "Alarms: what is wrong, and who has taken note of it.",
    "muster": "Musters: who is missing when a building is left, and who was found.",
    "access": "Access decisions: would a person pass, and why was one refused.",
    "report": "Reports: who was here and for how long, who was refused, visits and musters.",
    "interlock": "Interlocks: groups of portals of which at most one is not shut.",
    "plan": "Plans: drawings of the site with its portals, devices and zones.",
    "udev": "Names that stay for serial devices.",
    "audit": "Verify and export the audit log.",
    "operator": "Operators: who may work with the daemon, in which roles.",
    "outlet": "Outlets: where events leave to, by webhooks, mail, MQTT or syslog.",
    "key": "The key that opens faces and passwords.",
}
"""Each group with its help, in the order in which `devicemgr --help` lists them."""

SECTIONS = {
    "Set up": ("init", "run", "demo", "bench", "version"),
    "Watch": ("status", "alarm", "threat", "visitor", "muster", "events", "report", "access", "doctor", "clock"),
    "People and their rights": (
        *("person", "source", "enroll", "card", "pin"),
        *("level", "department", "schedule", "calendar"),
    ),
    "Entrances": ("portal", "zone", "interlock", "device", "plan", "udev", "sim"),
    "Site and record": (
        *("export", "apply", "audit", "operator", "outlet", "key"),
        *("backup", "restore", "recover", "support-bundle"),
    ),
}
"""How `devicemgr --help` groups its commands."""

COMMANDS = {
    "support-bundle": Row(
        _SUPPORT_BUNDLE,
        "Write versions, checks, states, log and facts for support: no people, no faces, no passwords.",
    ),
    "init": Row(_SYSTEM, "Make the home folder with keys and database, or bring an older one up to date."),
    "run": Row(_DAEMON, "Run the daemon in the foreground until SIGTERM or Ctrl-C."),
    "status": Row(
        _SYSTEM, "Show daemon, devices, portals, gallery and alarms; exit 3 when no daemon runs, 4 while alarms stand."
    ),
    "doctor": Row(_DOCTOR, "Check host, home, database and each device; exit 4 when something is wrong."),
    "version": Row(_SYSTEM, "Print the version."),
    "clock": Row(_CLOCK, "Show this computer's clock and the times by which rights are judged."),
    "export": Row(
        _SITE_FILE,
        "Print the site's file (TOML): settings, devices, portals, levels, schedules; no people, no passwords.",
    ),
    "apply": Row(_SITE_FILE, "Make the site what a file says, atomically; passwords stay as they are."),
    "events": Row(_EVENTS, "Show what happened, oldest first."),
    "backup": Row(
        _BACKUP, "Write the whole home into one encrypted file, with the daemon running or not, and read it back."
    ),
    "restore": Row(
        _BACKUP,
        "Make an empty home from a backup, on this host or a new one; nothing is changed unless all of it holds.",
    ),
    "recover": Row(
        _RECOVER, "Go on after the database was quarantined as damaged or too old; what is missing is recorded."
    ),
    "demo": Row(
        _DEMO, "Show the main job on a simulated entrance with a real face; exit 0 only if all of it happened."
    ),
    "bench": Row(_BENCH, "Measure this host: recognition, search, storage, gate, face to unlock; some minutes."),
    "person add": Row(_PEOPLE, "Add a person."),
    "person list": Row(_PEOPLE, "List everybody, or those whom the options choose."),
    "person show": Row(_PEOPLE, "Show one person."),
    "person edit": Row(_PEOPLE, "Change name, badge, validity or details; an empty value removes a time or detail."),
    "person suspend": Row(_PEOPLE, "Suspend all of a person's access, at once; with --file that of many, all or none."),
    "person resume": Row(_PEOPLE, "End a suspension; with --file those of many, all or none."),
    "person erase": Row(_PEOPLE, "Erase a person and everything of theirs; an erasure record without name stays."),
    "person import": Row(
        _TABLES, "Add people from a table, with levels, cards and dates; the same table again changes nothing."
    ),
    "person export": Row(
        _TABLES,
        "Print the data subject's copy of one person as JSON; or everyone as a table that `person import` reads.",
    ),
    "source add": Row(_SOURCES, "Add a source: a table in the drop folder that the site's people follow."),
    "source list": Row(_SOURCES, "List the sources and how their last runs ended."),
    "source show": Row(_SOURCES, "Show what a source states, and how its last run ended."),
    "source edit": Row(_SOURCES, "Change what a source states; --column and --map replace all of theirs."),
    "source remove": Row(_SOURCES, "Remove a source; its people stay as they are."),
    "source plan": Row(
        _SOURCES, "Read a source and show what it would change; exit 4 if something would, or a row is wrong."
    ),
    "source sync": Row(
        _SOURCES, "Read a source now and make its changes, all or none; exit 4 when a row was not taken."
    ),
    "enroll photo": Row(_FACES, "Enroll a person's face from photos: all of them or none."),
    "enroll check": Row(_FACES, "Is this photo usable for enrollment? Exit 4 when it is not; nothing is stored."),
    "enroll identify": Row(_FACES, "Who of the enrolled is in a photo? Writes nothing but an audit row."),
    "enroll renew": Row(
        _FACES, "Record a new consent of someone whose face is here; it counts again if the one before has ended."
    ),
    "enroll withdraw": Row(_FACES, "End the consent: the face is erased at once; cards go on working."),
    "enroll import": Row(_FACES, "Enroll many people; run it again to go on."),
    "enroll camera": Row(
        _CAMERA_ENROLLMENT,
        "Enroll a person who stands before a camera now, alone in its picture; the pictures are not kept.",
    ),
    "enroll calibrate": Row(
        _CALIBRATE, "Set the threshold from the enrolled people themselves; done again as the gallery grows by a fifth."
    ),
    "enroll evaluate": Row(
        _EVALUATE,
        "How often would strangers be let in and staff turned away? Measured on photos; writes nothing into the home.",
    ),
    "enroll migrate": Row(
        _MODEL_MIGRATION, "Recognize by another face model, from kept photos; the old one decides until the switch."
    ),
    "level add": Row("devicemgr.cli.site.access_levels:level", "Add a level."),
    "level list": Row("devicemgr.cli.site.access_levels:level", "List the levels."),
    "level show": Row("devicemgr.cli.site.access_levels:level", "Show one level and who holds it."),
    "level edit": Row("devicemgr.cli.site.access_levels:level", "Change what a level opens, and when."),
    "level remove": Row(
        "devicemgr.cli.site.access_levels:level", "Remove a level that no person and no department has."
    ),
    "level grant": Row(
        "devicemgr.cli.site.access_levels:level",
        "Give a person a level: BADGE LEVEL; or give it to many: LEVEL with --badges or --department.",
    ),
    "level revoke": Row(
        "devicemgr.cli.site.access_levels:level",
        "Take a level from a person: BADGE LEVEL; or from many: LEVEL with --badges or --department.",
    ),
    "department list": Row(_DEPARTMENTS, "List the departments, and the levels that their people hold by them."),
    "department show": Row(_DEPARTMENTS, "Show one department: its levels, and who is in it."),
    "department edit": Row(
        _DEPARTMENTS,
        "Set the levels of a department: its people hold them at once, with joining and until leaving.",
    ),
    "department rename": Row(
        _DEPARTMENTS, "Give a department another name, for all of its people; they keep its levels."
    ),
    "department remove": Row(_DEPARTMENTS, "Remove a department that no person is in, with its levels."),
    "schedule add": Row("devicemgr.cli.site.access_levels:schedule", "Add a weekly schedule."),
    "schedule list": Row("devicemgr.cli.site.access_levels:schedule", "List the schedules."),
    "schedule show": Row("devicemgr.cli.site.access_levels:schedule", "Show one schedule."),
    "schedule edit": Row(
        "devicemgr.cli.site.access_levels:schedule", "Change a schedule's hours, time zone or holidays."
    ),
    "schedule remove": Row("devicemgr.cli.site.access_levels:schedule", "Remove a schedule that no level uses."),
    "calendar add": Row(_CALENDARS, "Add a calendar of holidays and other days, which schedules name as @NAME."),
    "calendar list": Row(_CALENDARS, "List the calendars."),
    "calendar show": Row(_CALENDARS, "Show one calendar's days and the schedules that use it."),
    "calendar edit": Row(_CALENDARS, "Add days to a calendar, in place of those on the same dates, or drop some."),
    "calendar refresh": Row(_CALENDARS, "Read the file that a calendar follows now, and take its days."),
    "calendar remove": Row(_CALENDARS, "Remove a calendar that no schedule uses."),
    "card assign": Row(_CARDS, "Give a person a card, for good or --until."),
    "card return": Row(
        _CARDS, "Take a temporary card back before or after its end; the card that it stood in for opens again."
    ),
    "card replace": Row(_CARDS, "Block a card for good and give its holder another, in one step."),
    "card remove": Row(_CARDS, "Take a card from a person, under every notation of it."),
    "card show": Row(_CARDS, "Show a card under all its notations: whose it is, and which readers can read it."),
    "card block": Row(_CARDS, "Block a lost card: it opens nothing, and stays its holder's."),
    "card unblock": Row(_CARDS, "End the block of a card, such as a lost one that was found."),
    "card list": Row(_CARDS, "List the cards and whose they are."),
    "pin set": Row(
        "devicemgr.cli.people.credentials:pin",
        "Set a person's PIN, 4 to 8 digits: prompted without echo, or from standard input.",
    ),
    "pin remove": Row("devicemgr.cli.people.credentials:pin", "Remove a person's PIN."),
    "zone add": Row(_ZONES, "Add a zone; portals lead to it by `portal edit --outside --inside`."),
    "zone list": Row(_ZONES, "List the zones."),
    "zone show": Row(_ZONES, "Show one zone."),
    "zone edit": Row(_ZONES, "Change a zone; what is not given stays."),
    "zone remove": Row(_ZONES, "Remove a zone that no portal leads to."),
    "zone people": Row(_ZONES, "List who is recorded in a zone and those below it."),
    "zone forgive": Row(
        _ZONES,
        "Correct where a person, a zone's people, or everyone is recorded, so that anti-passback lets them pass.",
    ),
    "zone count": Row(_ZONES, "Set how many people are in a zone, as counted."),
    "visitor add": Row(_VISITORS, "Add a visit; the visitor gets a badge of its own."),
    "visitor list": Row(_VISITORS, "List visits: all, or those in a state."),
    "visitor show": Row(_VISITORS, "Show one visit."),
    "visitor arrive": Row(_VISITORS, "Record that a visitor is at the desk, and give them a card."),
    "visitor leave": Row(_VISITORS, "End a visit: the card is free, and the levels are revoked."),
    "visitor cancel": Row(_VISITORS, "Cancel a visit whose visitor has not arrived."),
    "threat add": Row(
        _THREATS, "Add a threat that guards can set; only holders of the levels that it allows pass then."
    ),
    "threat list": Row(_THREATS, "List the threats that are defined, and which are in force."),
    "threat show": Row(_THREATS, "Show one threat."),
    "threat edit": Row(_THREATS, "Change a threat; what is not given stays."),
    "threat remove": Row(_THREATS, "Remove a threat that is not in force."),
    "threat set": Row(_THREATS, "Put a threat in force at once: a lockdown, such as for an intruder."),
    "plan add": Row(_PLANS, "Add a plan with a picture, or give one another; what stands on it stays."),
    "plan list": Row(_PLANS, "List the plans."),
    "plan show": Row(_PLANS, "Show what stands on a plan, and where, in per cent of its width and height."),
    "plan place": Row(
        _PLANS, "Place a portal, device or zone on a plan, move or turn it, or take it away with --remove."
    ),
    "plan export": Row(_PLANS, "Write the picture of a plan into a new file."),
    "plan remove": Row(_PLANS, "Remove a plan, and erase its picture."),
    "threat end": Row(_THREATS, "End a threat; free times go on, and what a guard had freed before stays normal."),
    "alarm list": Row(
        _ALARMS, "List alarms: those that are active, and those that no one has acknowledged; the most urgent first."
    ),
    "alarm ack": Row(_ALARMS, "Take note of an alarm; no door changes by that."),
    "alarm history": Row(_ALARMS, "List what began, ended, was acknowledged or escalated, oldest first."),
    "muster start": Row(_MUSTERS, "Begin a muster: the list of people who are inside at this moment."),
    "muster mark": Row(
        _MUSTERS,
        "Mark a person as safe, or as not here with a reason, in the musters that run; or take your marks back.",
    ),
    "muster end": Row(_MUSTERS, "End a muster, and record how many people were found."),
    "muster list": Row(_MUSTERS, "List the musters that run, and the last that ended, the newest first."),
    "muster show": Row(_MUSTERS, "Show who is missing, and who was found and how, by zone."),
    "muster print": Row(_MUSTERS, "Print a muster's list by zone, as a page to be printed or as a table."),
    "access try": Row(
        _ACCESS, "Would this person pass here? Says what each check finds; nothing is opened or recorded."
    ),
    "access why": Row(_ACCESS, "Why was this person refused or let in? Says what each check finds."),
    "report presence": Row(_REPORTS, "Report who was in which zone from when to when; only with attendance."),
    "report first-last": Row(
        _REPORTS, "Report the first entry and the last exit of each person's days; only with attendance."
    ),
    "report hours": Row(_REPORTS, "Report the hours of each person's days, and their sums; only with attendance."),
    "report denials": Row(_REPORTS, "Report how often access was denied, by reason, portal and person."),
    "report visitors": Row(_REPORTS, "Report visits: who came to whom, from when to when."),
    "report musters": Row(_REPORTS, "Report musters and drills: how many were on the list, how many were found."),
    "interlock add": Row(_INTERLOCKS, "Add an interlock: of its portals at most one is not shut."),
    "interlock list": Row(_INTERLOCKS, "List the interlocks."),
    "interlock show": Row(_INTERLOCKS, "Show one interlock."),
    "interlock edit": Row(_INTERLOCKS, "Change an interlock's portals or its time to settle."),
    "interlock remove": Row(_INTERLOCKS, "Remove an interlock; its portals open independently then."),
    "device drivers": Row(_DEVICES, "List the kinds of devices, or the options of one kind."),
    "device add": Row(_DEVICES, "Add a device."),
    "device list": Row(_DEVICES, "List the devices and their state."),
    "device show": Row(_DEVICES, "Show one device; its password is never shown."),
    "device edit": Row(_DEVICES, "Change address, credentials, options or profile; `--option K=` removes one."),
    "device remove": Row(_DEVICES, "Remove a device that no portal uses and that stores no people any more."),
    "device test": Row(_DEVICES, "Connect to a device and read what can be read; nothing moves."),
    "device discover": Row(
        _DISCOVER, "Find cameras, controllers, consoles and serial ports, and say how to add them; adds nothing."
    ),
    "device firmware": Row(
        _FIRMWARE,
        "Install a firmware file on a device, wait until it is back, and read its version; exit 4 when it is the same.",
    ),
    "device inventory": Row(
        _INVENTORY,
        "Show each device's maker, model, firmware and serial number; exit 4 when one has a known vulnerability.",
    ),
    "device record": Row(
        _RECORD,
        "Write down what a device answers, for a bug report: without passwords, addresses, serial numbers and people.",
    ),
    "device plan": Row(
        _SYNC, "Show how what a device holds differs from what it should; exit 4 when it does; changes nothing."
    ),
    "device sync": Row(
        _SYNC,
        "Bring what a device holds in sync with the rights here, now; unknown people and cards stay without --prune.",
    ),
    "device trace": Row(
        _TRACE,
        "Show the latest bytes on a device's line, in hex, even while it is offline; those of all units that share it.",
    ),
    "device reboot": Row(_MAINTENANCE, "Restart a device, and wait until it is back."),
    "device snapshot": Row(
        _MAINTENANCE, "Take one picture, to aim a camera; it is kept nowhere else, and the record says who took it."
    ),
    "device provision": Row(
        _PROVISION, "Bring devices into service: set them up by a profile, or give a reader a key of its own."
    ),
    "outlet add": Row(_OUTLETS, "Add an outlet: events that are recorded from now on leave by it."),
    "outlet list": Row(_OUTLETS, "List the outlets, how far each has come and what is wrong."),
    "outlet show": Row(_OUTLETS, "Show what an outlet states, how far it has come and what is wrong."),
    "outlet edit": Row(_OUTLETS, "Change what an outlet states; it tries again at once."),
    "outlet secret": Row(_OUTLETS, "Set the password at the receiver, or the secret that signs, or make a new one."),
    "outlet test": Row(_OUTLETS, "Send a message that is no event; exit 1 when it is not taken."),
    "outlet pause": Row(_OUTLETS, "Let an outlet wait; what is recorded in between leaves when it goes on."),
    "outlet resume": Row(_OUTLETS, "Let an outlet go on, also one that has stopped."),
    "outlet replay": Row(_OUTLETS, "Give out once more all events from one on."),
    "outlet remove": Row(_OUTLETS, "Remove an outlet and its secret."),
    "portal add": Row(_PORTALS, "Add a portal."),
    "portal list": Row(_PORTALS, "List the portals and their state."),
    "portal show": Row(_PORTALS, "Show one portal."),
    "portal edit": Row(_PORTALS, "Change a portal; --entry and --exit replace the devices of that side."),
    "portal remove": Row(_PORTALS, "Remove a portal that no level covers."),
    "portal open": Row(_PORTALS, "Let one person pass, now."),
    "portal lock": Row(_PORTALS, "Let no one pass until `normal`; fire release stays as it is wired."),
    "portal free": Row(_PORTALS, "Let everybody pass until `normal`."),
    "portal normal": Row(_PORTALS, "Let in who may pass, as usual."),
    "udev rules": Row(_UDEV, "Print the rules template for /etc/udev/rules.d/70-devicemgr.rules."),
    "udev suggest": Row(_UDEV, "Look at the plugged serial adapters, and print the rule that gives each a name."),
    "udev install": Row(_UDEV, "Write the rules file and let udev apply it; the rules for other names stay."),
    "udev verify": Row(_UDEV, "Check the installed rules and the links they make; exit 4 when something is wrong."),
    "audit verify": Row(
        _AUDIT,
        "Check all events, their seals and their external anchors; exit 4 and the first bad row when they don't hold.",
    ),
    "audit export": Row(
        _AUDIT, "Write all events and seals, without names, into a bundle that Python alone can verify."
    ),
    "operator add": Row(
        _OPERATORS, "Add an operator, known by a user of this host, by a password for TCP, or by tokens."
    ),
    "operator list": Row(_OPERATORS, "List the operators and their tokens."),
    "operator roles": Row(
        _OPERATORS, "Give an operator these roles in place of the present ones; an admin is added, not made so."
    ),
    "operator sessions": Row(_OPERATORS, "List who is signed in over TCP, or end one of these sessions."),
    "operator remove": Row(_OPERATORS, "Remove an operator; their sessions and tokens end at once."),
    "operator password": Row(_OPERATORS, "Set an operator's password, which TCP asks for; their sessions end."),
    "operator token": Row(
        _OPERATORS, "Make an API token for a program or a display, and print it this once; or take one back."
    ),
    "operator requests": Row(_OPERATORS, "List what waits for a second admin."),
    "operator approve": Row(
        _OPERATORS, "Agree to what another admin requested; they have a quarter of an hour to do it."
    ),
    "operator refuse": Row(_OPERATORS, "Refuse what another admin requested, or take back what you requested."),
    "key rotate": Row(
        _KEYS, "Put a new key in the old one's place: keys of people and passwords of devices are sealed again."
    ),
}
"""Each command by the words that call it."""
