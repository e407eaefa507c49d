"""Sabotages of drivers."""

from tests.sabotage.sabotage import one

RULES = "tests/contract/test_rules.py"

SABOTAGES = (
    one(
        "a face that can't be asked about counted as gone",
        "drivers/hikvision_console/users/faces.py",
        "        if held is None:\n            raise NotVerifiable",
        "        if False:\n            raise NotVerifiable",
        "tests/drivers/hikvision_console/test_wire_people.py",
    ),
    one(
        "how a reader is set up taken for what was used",
        "drivers/hikvision_console/events/translate.py",
        """    factors = code.factors if code.granted else frozenset()
""",
        """    factors = code.factors if code.granted else frozenset()
    if "face" in event.mode.lower():
        factors |= {Factor.FACE}
""",
        "tests/drivers/common/console/test_question_fuzz.py",
        "tests/drivers/hikvision_console/test_codes.py",
    ),
    one(
        "a question that the terminal itself refused",
        "drivers/dahua_console/events/translate.py",
        """    refused = "" if _succeeded(event.data) else""",
        """    refused = "" if event.data else""",
        "tests/drivers/common/console/test_question_fuzz.py",
        "tests/drivers/dahua_console/test_questions.py",
    ),
    one(
        "a gate's command sent again when its answer is lost",
        "drivers/modbus_gate/master.py",
        "        if not came:\n            raise OutcomeUnknown(unknown)\n",
        "        if not came:\n            self._command(pdu, expected)\n",
        "tests/drivers/modbus_gate/test_lot_turnstile.py",
    ),
    one(
        "pushes taken from any address",
        "drivers/common/http/push_server.py",
        "        if knows(self._hosts, str(client_address[0])):\n",
        "        if True:\n",
        "tests/drivers/common/console/test_push_sources.py",
    ),
    one(
        "a plain password for a stream that asks for one",
        "drivers/common/video/stream_login.py",
        "        if not self._allow_basic:\n",
        "        if self._username is None:\n",
        "tests/drivers/common/video/test_stream_login.py",
    ),
    one(
        "an echo of a command taken for its answer",
        "drivers/modbus_gate/master.py",
        "            echoes = expected == pdu and self._bus.echo.seen is not False\n",
        "            echoes = False\n",
        "tests/drivers/common/serial/test_echo.py",
    ),
    one(
        "a release without feedback told as confirmed",
        "drivers/relay_gate/device.py",
        "Delivery.CONFIRMED if board.confirms else Delivery.SENT",
        "Delivery.CONFIRMED",
        "tests/devicemgr/cli/site/test_release_outcomes.py",
    ),
    one(
        "people whom a controller let in by card left out for the type of their event",
        "drivers/uhppote_controller/events.py",
        "        if self.reason in GRANTS or self.reason in REFUSALS:\n",
        "        if self.kind == SWIPE and (self.reason in GRANTS or self.reason in REFUSALS):\n",
        "tests/drivers/uhppote_controller/test_events.py",
    ),
    one(
        "a card that lay at a turnstile's reader before anyone was there",
        "drivers/modbus_gate/lot/readers.py",
        "            if time.monotonic() - before > CURRENT_S:\n",
        "            if not before:\n",
        "tests/drivers/modbus_gate/test_lot_readers.py",
    ),
    one(
        "a lane that goes by another clock than its turnstile",
        "drivers/modbus_gate/lot_turnstile.py",
        "return ReleaseTimes(self._times.waits_s or seconds, self._times.passage_s)",
        "return ReleaseTimes(seconds, self._times.passage_s)",
        "tests/drivers/common/test_release_times.py",
    ),
    one(
        "a terminal that proves itself by no serial number",
        "drivers/zkteco_terminal/listener.py",
        'elif not secrets.compare_digest(query.get("sn", "").encode(), listener.serial.encode()):',
        "elif False:",
        "tests/drivers/zkteco_terminal/test_strangers.py",
    ),
    one(
        "an opening that was never fetched counts as done",
        "drivers/zkteco_terminal/device.py",
        "        if command.result is None and self._commands.withdraw([command]):\n",
        "        if False:\n",
        "tests/drivers/zkteco_terminal/test_terminal.py",
    ),
    one(
        "a typed number proves a person",
        "drivers/common/zkteco/codes.py",
        "    1: {Factor.FINGER}, 3:",
        "    1: {Factor.FINGER}, 2: {Factor.PIN}, 3:",
        "tests/drivers/zkteco_terminal/test_messages.py",
    ),
    one(
        "people who stay on a terminal count as removed",
        "drivers/zkteco_terminal/people.py",
        '            raise DeviceRefused(f"the terminal still holds {safe(',
        '            DeviceRefused(f"the terminal still holds {safe(',
        "tests/drivers/zkteco_terminal/test_people.py",
    ),
    one(
        "a late answer of a controller answers the next question",
        "drivers/zkteco_controller/protocol.py",
        "(apart - self._offset) & 0xFFFF >= 0x8000:",
        "False:",
        "tests/drivers/zkteco_controller/test_wire.py",
    ),
    one(
        "a controller's OK is taken for the deed",
        "drivers/zkteco_controller/people.py",
        "            if not held:\n",
        "            if False:\n",
        "tests/drivers/zkteco_controller/test_controller.py",
    ),
    one(
        "an opening whose answer was lost is reported as refused",
        "drivers/zkteco_controller/controller.py",
        "        except (DeviceUnreachable, DeviceGarbled) as error:\n            raise OutcomeUnknown(",
        "        except (DeviceUnreachable, DeviceGarbled) as error:\n            raise DeviceRefused(",
        "tests/drivers/zkteco_controller/test_controller.py",
    ),
    one(
        "a lost answer of a web relay counts as done",
        "drivers/http_relay/device.py",
        "        if state is on and (lost is None or is_new):\n",
        "        if state is on or lost is not None:\n",
        "tests/drivers/http_relay/test_http_relay.py",
    ),
    one(
        "a pulse that is left to this computer although the board has a timer",
        "drivers/http_relay/shelly.py",
        '"on": True, "toggle_after": seconds}',
        '"on": True}',
        "tests/drivers/http_relay",
    ),
    one(
        "a release that opens late, when the controller calls again",
        "drivers/ironlogic_controller/server.py",
        "                    self._waiting.remove(command)\n",
        "                    pass\n",
        "tests/drivers/ironlogic_controller",
    ),
    one(
        "relay commands to any HID device",
        "drivers/relay_gate/hid_board.py",
        "        if (vendor, product) != (VENDOR, PRODUCT):\n",
        "        if False:\n",
        "tests/drivers/relay_gate/test_hid_board.py",
    ),
    one(
        "a lost answer of a command that needed no password counts as not sent",
        "drivers/common/http/client.py",
        "        except AnswerLost as error:\n            if request.once:\n",
        "        except AnswerLost as error:\n            if request.once and header:\n",
        "tests/drivers/common/http/test_client.py",
    ),
    one(
        "an answer that ends within its head counts as whole",
        "drivers/common/http/transport.py",
        '    if connection.has_ended:\n        raise http.client.IncompleteRead(b"")\n',
        "",
        "tests/drivers/common/http/test_transport.py",
    ),
    one(
        "an answer that ends within its body counts as whole",
        "drivers/common/http/transport.py",
        "        if self._left and not piece:\n",
        "        if False:\n",
        "tests/drivers/common/http/test_transport.py",
    ),
    one(
        "what a device sent too much is the beginning of its next answer",
        "drivers/common/http/sockets.py",
        "        if self.reader.has_more():\n            return False\n",
        "",
        "tests/drivers/common/http/test_transport.py",
    ),
    one(
        "a build function imported while the kinds are listed",
        "devicemgr/domain/ports/driver.py",
        "        if not attribute.isidentifier()",
        "        importlib.import_module(module)\n        if not attribute.isidentifier()",
        "tests/contract/test_catalog.py",
    ),
    one(
        "a guide whose driver calls a lost release unreachable",
        "docs/driver-guide.md",
        "lost = api.OutcomeUnknown if is_command else api.DeviceUnreachable",
        "lost = api.DeviceUnreachable",
        "tests/contract/test_driver_guide.py",
    ),
    one(
        "an OSDP release that is sent again as a new command",
        "drivers/osdp_reader/protocol/exchange.py",
        """                self._sequence = exchange.sequence % 3 + 1
                return reply""",
        """                self._sequence = exchange.sequence % 3 + 1
                return reply
            exchange.sequence = exchange.sequence % 3 + 1
            again = self._unit, exchange.sequence, self.uses_crc, exchange.code, parse(exchange.raw).data
            exchange.raw = build(*again)""",
        "tests/drivers/osdp_reader/test_spec_reader.py",
    ),
    one(
        "an OSDP reader's silence taken for another key",
        "drivers/osdp_reader/session.py",
        """        if proof is None:
            raise DeviceUnreachable(""",
        """        if proof is None:
            raise OtherKey(""",
        "tests/drivers/osdp_reader/test_spec_reader.py",
    ),
    one(
        "a missing input of a relay board taken for inactive",
        "drivers/common/relays/device.py",
        "        self._missing = frozenset(wired.values()) - frozenset(levels)\n",
        "        levels = dict.fromkeys(wired.values(), False) | dict(levels)\n        self._missing = frozenset()\n",
        f"{RULES}::test_an_input_that_is_never_reported_is_a_complaint[modbus_gate-ModbusRelayPeer]",
    ),
    one(
        "a busy controller taken for one that refuses",
        "drivers/zkteco_controller/protocol.py",
        "            raise NotYet(str(error)) if error.code in NOT_NOW else error from error\n",
        "            raise error\n",
        f"{RULES}::test_a_busy_reading_is_repeated_in_the_same_session[zkteco_controller-ZktecoControllerPeer]",
        f"{RULES}::test_a_busy_release_is_repeated_and_carried_out_once[zkteco_controller-ZktecoControllerPeer]",
    ),
    one(
        "a memory that ignores the time it is asked from, read by time for ever",
        "drivers/dahua_console/events/record_query.py",
        "        if rows and 0 < rows[-1].second < second - _MAX_ZONE_S:\n",
        "        if False:\n",
        "tests/drivers/dahua_console/test_field_memory.py",
    ),
    one(
        "a busy terminal taken for one that refuses",
        "drivers/dahua_console/cgi.py",
        "    if answer.status in (429, 503) or (codes and all(cause_of(code) is Cause.BUSY for code in codes)):\n",
        "    if False:\n",
        "tests/drivers/dahua_console/test_rules.py",
    ),
)
