"""Sabotages of what leaves the box: in which order, to whom, who lets it, and of commands that come by it."""

from tests.sabotage.sabotage import one

_MQTT = "tests/devicemgr/outlets/mqtt"
_COMMANDS, _BROKER = f"{_MQTT}/test_commands.py", f"{_MQTT}/test_broker.py"
_PAYLOADS, _HOSTILE = f"{_MQTT}/test_payloads.py", f"{_MQTT}/test_hostile_brokers.py"

_OUTBOX = "devicemgr/outlets/outbox.py"
_RUNNER = "devicemgr/outlets/runner.py"
_WEBHOOK = "devicemgr/outlets/webhook.py"
_CONNECTION = "devicemgr/outgoing/connection.py"
_SUPERVISION = "tests/devicemgr/outlets/outages/test_supervision.py"
_PEERS = "tests/devicemgr/outlets/outages/test_peers.py"
_WEBHOOKS = "tests/devicemgr/outlets/test_webhooks.py"
_RIGHTS = "tests/devicemgr/api/rights/test_outlets.py"
_SETTLING = "tests/devicemgr/outlets/test_settling.py"
_SYSLOG = "tests/devicemgr/outlets/syslog/test_sender.py"
_RFC5424 = "tests/devicemgr/outlets/syslog/test_rfc5424.py"
_CEF = "tests/devicemgr/outlets/syslog/test_cef.py"
_PROGRESS = "tests/devicemgr/site/test_outlet_progress.py"
_STREAM = "devicemgr/outlets/syslog/stream.py"
_MAIL = "tests/devicemgr/outlets/mail"

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
    one(
        "an event that the receiver has not taken passed over",
        _OUTBOX,
        "                return\n            raise\n        self._has_given = True\n",
        "                return\n        self._has_given = True\n",
        _WEBHOOKS,
    ),
    one(
        "two outboxes of one outlet at once, while a change waits for a receiver",
        _RUNNER,
        "wanted.keys() - self._running.keys() - self._ending.keys()",
        "wanted.keys() - self._running.keys()",
        _SUPERVISION,
    ),
    one(
        "an outbox whose thread has ended left as it is",
        _RUNNER,
        "            if not outbox.is_running:\n",
        "            if False:\n",
        _SUPERVISION,
    ),
    one(
        "a full disk ends an outbox",
        _OUTBOX,
        "        except DevicemgrError as error:\n            if self._is_storing:\n",
        "        except ZeroDivisionError as error:\n            if self._is_storing:\n",
        _SUPERVISION,
    ),
    one(
        "no alarm while a receiver asks for an hour",
        _OUTBOX,
        "if not self._progress.state.get(rows.REPORTED) and report_in < seconds:",
        "if False:",
        _SUPERVISION,
    ),
    one(
        "a name that also leads to a cloud's keys called at its other address",
        _CONNECTION,
        "        if why := why_not_call(address[0], allow_private=place.allow_private):\n",
        "        if why := place.host.isdigit() and why_not_call(address[0], allow_private=place.allow_private):\n",
        _PEERS,
    ),
    one(
        "a number's odd spelling taken for a name",
        "devicemgr/site/outlets/fields.py",
        "        if _is_odd_number(host):\n",
        "        if False:\n",
        _PEERS,
    ),
    one(
        "a signature that leaves the time out",
        _WEBHOOK,
        """signed = f"{message_id}.{sent}.".encode() + body""",
        """signed = f"{message_id}.".encode() + body""",
        _WEBHOOKS,
    ),
    one(
        "a wait as long as a receiver likes",
        _WEBHOOK,
        "        return min(float(text), MAX_WAIT_S)\n",
        "        return float(text)\n",
        _PEERS,
    ),
    one(
        "a private key shown beside its public one",
        "devicemgr/api/routes/outlets/outlets.py",
        "        is_shown = body.secret is None and public_key is None\n",
        "        is_shown = body.secret is None\n",
        _RIGHTS,
    ),
    one(
        "a technician's change of a running outlet leaves at once",
        "devicemgr/api/routes/outlets/outlets.py",
        "        is_paused = not may_send_events(caller, fields)\n",
        "        is_paused = False\n",
        _RIGHTS,
    ),
    one(
        "a token of an address kept in the record for good",
        "devicemgr/site/outlets/changes.py",
        """f"{address}?…" if mark else address""",
        """stated["url"] if mark else address""",
        _RIGHTS,
    ),
    one(
        "the cursor stored ahead of what has arrived",
        "devicemgr/outlets/outbox.py",
        "through = self._given if held is None else min(self._given, held - 1)",
        "through = self._given",
        _SETTLING,
    ),
    one(
        "what a channel held not sent again after a failure",
        "devicemgr/outlets/outbox.py",
        "        self._given, self._has_given = self._progress.cursor, False\n\n",
        "        self._has_given = False\n\n",
        _SETTLING,
    ),
    one(
        "an event over syslog arrived when it is written",
        _STREAM,
        "before = self._ticks() - SETTLE_S",
        "before = self._ticks()",
        f"{_SYSLOG}::test_a_write_counts_only_once_the_connection_has_stood",
        f"{_SYSLOG}::test_a_connection_that_is_cut_loses_nothing",
    ),
    one(
        "what a pulled cable has swallowed arrived",
        _STREAM,
        "acknowledged = self._written - _unacknowledged(line)",
        "acknowledged = self._written",
        f"{_SYSLOG}::test_what_the_other_computer_has_not_acknowledged_has_not_arrived",
    ),
    one(
        "a connection that the receiver has ended taken for one that stands",
        _STREAM,
        '                    raise OSError("it has ended the connection")\n',
        "                    return\n",
        f"{_SYSLOG}::test_a_receiver_that_is_killed_and_comes_back_gets_the_rest",
        f"{_SYSLOG}::test_a_receiver_that_ends_the_connection_has_not_taken_what_was_last",
    ),
    one(
        "a quote in a name as the end of a value of syslog",
        "devicemgr/outlets/syslog/rfc5424.py",
        r'return _ESCAPED.sub(r"\\\1", value)',
        "return value",
        _RFC5424,
    ),
    one(
        "an equals sign in a value as another field of CEF",
        "devicemgr/outlets/syslog/cef.py",
        r'_IN_EXTENSION = re.compile(r"([\\=])")',
        r'_IN_EXTENSION = re.compile(r"([\\])")',
        _CEF,
    ),
    one(
        "a syslog message cut through a character",
        "devicemgr/outlets/syslog/texts.py",
        'decode(errors="ignore")',
        'decode(errors="replace")',
        _RFC5424,
    ),
    one(
        "an alarm of an outlet that is paused on purpose",
        "devicemgr/site/outlets/progress.py",
        " if row.state.get(rows.REPORTED) and not row.paused]",
        " if row.state.get(rows.REPORTED)]",
        _PROGRESS,
    ),
    one(
        "a mail given to a server without TLS",
        "devicemgr/outlets/mail/exchange.py",
        "            if self._server.needs_tls:\n",
        "            if not self._server.place.host:\n",
        f"{_MAIL}/test_connection.py",
    ),
    one(
        "what was said before STARTTLS taken as said behind it",
        "devicemgr/outlets/mail/exchange.py",
        "        if client.has_more:\n",
        "        if client.has_more and code != _READY:\n",
        f"{_MAIL}/test_connection.py",
    ),
    one(
        "alarms that were held for one mail forgotten by a pause",
        "devicemgr/site/outlets/changes.py",
        "_KEPT = _KEPT_OF_MAILS | {rows.REPORTED}\n",
        "_KEPT = frozenset({rows.REPORTED})\n",
        f"{_MAIL}/test_alarms.py",
    ),
    one(
        "a storm of one kind that delays an alarm of another",
        "devicemgr/outlets/mail/news.py",
        "        return News(kind, kind, subject, Phase.BEGUN, priority,",
        "        return News('alarm', kind, subject, Phase.BEGUN, priority,",
        f"{_MAIL}/test_alarms.py",
    ),
    one(
        "an address that is refused lost in silence",
        "devicemgr/outlets/mail/outbox.py",
        "        if taken.refused:\n",
        "        if taken.refused and not taken.answer:\n",
        f"{_MAIL}/test_recipients.py",
    ),
    one(
        "a report sent once more after a restart",
        "devicemgr/outlets/mail/outbox.py",
        "            self._reports_sent[report.key] = on\n            self._on_taken",
        "            self._reports_sent = {**self._reports_sent, report.key: on}\n            self._on_taken",
        f"{_MAIL}/test_reports.py",
    ),
)
