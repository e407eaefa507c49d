"""Sabotages of what leaves the box, and of commands that come by it."""

from tests.sabotage.sabotage import one

_MQTT = "tests/devicemgr/outlets/mqtt"
_COMMANDS, _BROKER = f"{_MQTT}/test_commands.py", f"{_MQTT}/test_broker.py"
_PAYLOADS, _HOSTILE = f"{_MQTT}/test_payloads.py", f"{_MQTT}/test_hostile_brokers.py"

SABOTAGES = (
    one(
        "a command that a broker keeps carried out at each connection",
        "devicemgr/outlets/mqtt/inbox.py",
        "        if is_retained:\n",
        "        if not command.id:\n",
        f"{_COMMANDS}::test_a_retained_command_is_refused_and_taken_away",
    ),
    one(
        "a command carried out as often as it is sent",
        "devicemgr/outlets/commands.py",
        "            if command.id in self._used:\n",
        "            if command.id in ():\n",
        _PAYLOADS,
    ),
    one(
        "a command repeated over a restart carried out",
        "devicemgr/outlets/commands.py",
        "        self._first_expiry = started + MAX_AHEAD\n",
        "        self._first_expiry = started\n",
        _PAYLOADS,
    ),
    one(
        "an old command carried out",
        "devicemgr/outlets/commands.py",
        "        if command.expires <= latest:\n",
        "        if command.expires <= earliest - 7000 * MAX_AHEAD:\n",
        f"{_COMMANDS}::test_a_command_is_valid_for_seconds",
    ),
    one(
        "a command by any token that is known",
        "devicemgr/outlets/commands.py",
        "        if not self._may(identity, *route):\n",
        "        if not self._may(identity, *route) and not identity.roles:\n",
        f"{_COMMANDS}::test_wrong_rights_open_nothing",
    ),
    one(
        "tokens guessed without end",
        "devicemgr/outlets/commands.py",
        "        if not is_known and not self._wrong.take(outlet):\n",
        "        if not is_known and not (self._wrong.take(outlet) or command.token):\n",
        f"{_COMMANDS}::test_guesses_are_few_and_keep_no_one_out",
    ),
    one(
        "a message counted as sent that the broker has refused",
        "devicemgr/outlets/mqtt/session.py",
        "        if reason.is_failure:\n            why",
        "        if reason.value == 0xFF:\n            why",
        f"{_HOSTILE}::test_a_message_is_done_by_a_reason_code_that_is_no_failure",
    ),
    one(
        "a broker's name resolved once more, behind the judgment",
        "devicemgr/outlets/mqtt/session.py",
        "        return connected(self._access.place, time.monotonic() + DEADLINE_S, is_here=self._access.is_here)\n",
        "        return super()._create_socket()\n",
        f"{_HOSTILE}::test_a_name_that_leads_to_this_computer_is_not_called",
    ),
    one(
        "states left at the broker that were removed while no daemon ran",
        "devicemgr/outlets/mqtt/link.py",
        "        gone = (self._kept.keys() | found.keys()) - wanted.keys()\n",
        "        gone = self._kept.keys() - wanted.keys()\n",
        f"{_BROKER}::test_what_was_removed_while_no_daemon_ran_goes",
    ),
    one(
        "a daemon that is gone shown as available",
        "devicemgr/outlets/mqtt/link.py",
        "        self._access = replace(access, will=Message(topics.available, _OFFLINE, retain=True))\n",
        "        self._access = replace(access, will=None)\n",
        f"{_BROKER}::test_a_daemon_that_is_cut_off_is_not_available",
    ),
    one(
        "badges of visitors in topics",
        "devicemgr/outlets/mqtt/topics.py",
        "    if is_about_a_person(alarm.kind):\n        return level(alarm.kind)\n",
        "",
        _PAYLOADS,
    ),
)
