"""Terminals that keep people, built from documents and bench notes; for the sources see base.py beside this file."""

import json
import re

from tests.drivers.dahua_console.peers.base import NOT_THERE, PLAIN_REFUSAL, FieldTerminal, coded


class Lists:
    """startFind, doFind, stopFind as the vendor's document has them; Total is 0 for one who has nothing there."""

    caps = 20

    def __init__(self):
        super().__init__()
        self.finds = {}

    def find(self, query, rows):
        match query["action"]:
            case "startFind":
                key = query.get("Condition.UserID")
                found = [row for row in rows if key in (None, row["UserID"])]
                token = str(len(self.finds) + 1)
                self.finds[token] = found
                return json.dumps({"Caps": self.caps, "Token": int(token), "Total": len(found)})
            case "doFind":
                begin, count = int(query["Offset"]), min(int(query["Count"]), self.caps)
                return json.dumps({"Info": self.finds[query["Token"]][begin : begin + count]})
            case "stopFind":
                return "OK\r\n"
        return PLAIN_REFUSAL


class NewerTerminal(Lists, FieldTerminal):
    """AccessUser, AccessCard, AccessFace of Intelbras' document; refusals carry codes where `codes` says so."""

    codes = False

    def __init__(self):
        super().__init__()
        self.users, self.cards, self.faces = {}, {}, {}

    def recordFinder(self, query, body):
        return "found=0\r\n" if query["name"] == "AccessControlCardRec" else PLAIN_REFUSAL

    def refuse(self, *fail_codes):
        return coded(268632336, *fail_codes) if self.codes else PLAIN_REFUSAL

    @staticmethod
    def ids(query, name):
        return [value for key, value in query.items() if re.fullmatch(rf"{name}\[\d+\]", key)]

    def AccessUser(self, query, body):
        match query["action"]:
            case "insertMulti":
                rows = body["UserList"]
                if not 1 <= len(rows) <= 10:
                    return PLAIN_REFUSAL
                if there := [row for row in rows if row["UserID"] in self.users]:
                    return self.refuse(*[286064929] * len(there))
                self.users |= {row["UserID"]: row for row in rows}
            case "updateMulti":
                if gone := [row for row in body["UserList"] if row["UserID"] not in self.users]:
                    return self.refuse(*[286064925] * len(gone))
                self.users |= {row["UserID"]: row for row in body["UserList"]}
            case "removeMulti":
                for key in self.ids(query, "UserIDList"):
                    self.users.pop(key, None)
                    self.faces.pop(key, None)
                    self.cards = {no: row for no, row in self.cards.items() if row["UserID"] != key}
            case "list":
                keys = self.ids(query, "UserIDList")
                if any(key not in self.users for key in keys):
                    return self.refuse(286064917)
                return json.dumps({"Users": [self.users[key] for key in keys]})
            case _:
                return self.find(query, list(self.users.values()))
        return "OK\r\n"

    def AccessCard(self, query, body):
        match query["action"]:
            case "insertMulti":
                rows = body["CardList"]
                if not 1 <= len(rows) <= 10:
                    return PLAIN_REFUSAL
                if taken := [row for row in rows if row["CardNo"] in self.cards]:
                    return self.refuse(*[286064930] * len(taken))
                if any(row["UserID"] not in self.users for row in rows):
                    return self.refuse(286064925)
                self.cards |= {row["CardNo"]: row for row in rows}
            case "removeMulti":
                for number in self.ids(query, "CardNoList"):
                    self.cards.pop(number, None)
            case "list":
                numbers = self.ids(query, "CardNoList")
                if any(number not in self.cards for number in numbers):
                    return self.refuse(286064917)
                return json.dumps({"Cards": [self.cards[number] for number in numbers]})
            case "updateMulti":
                return PLAIN_REFUSAL  # "it is not possible to update a card: remove and add" (Intelbras)
            case _:
                return self.find(query, list(self.cards.values()))
        return "OK\r\n"

    def AccessFace(self, query, body):
        match query["action"]:
            case "insertMulti" | "updateMulti":
                rows = body["FaceList"]
                if not 1 <= len(rows) <= 10:
                    return PLAIN_REFUSAL
                if bad := [code for row in rows if (code := self.face_fault(row, query["action"]))]:
                    return self.refuse(*bad)
                self.faces |= {row["UserID"]: row["PhotoData"][0] for row in rows}
            case "removeMulti":
                for key in self.ids(query, "UserIDList"):
                    self.faces.pop(key, None)
            case "list":
                keys = self.ids(query, "UserIDList")
                if any(key not in self.faces for key in keys):
                    return self.refuse(286064917)
                lines = []
                for place, key in enumerate(keys):
                    lines += [f"FaceDataList[{place}].UserID={key}", f"FaceDataList[{place}].PhotoData[0]=/9j/"]
                return "\r\n".join(lines)
            case _:
                return self.find(query, [{"UserID": key} for key in self.faces])
        return "OK\r\n"

    def face_fault(self, row, action):
        if row["UserID"] not in self.users:
            return 286064925
        return 286064926 if action == "insertMulti" and row["UserID"] in self.faces else None


class Ss5531(NewerTerminal):
    """SS 5531 MF EX as measured on a bench: coded refusals, and faces that only FaceInfoManager tells of."""

    model = "SS 5531 MF EX"
    codes = True

    def __init__(self):
        super().__init__()
        self.photo_faults = {}  # what the terminal's face engine says of a photo, by UserID

    def face_fault(self, row, action):
        if fault := self.photo_faults.get(row["UserID"]):
            return fault
        # updateMulti of a face adds it as well.
        return 286064926 if action == "insertMulti" and row["UserID"] in self.faces else None

    def AccessFace(self, query, body):
        if query["action"] in ("insertMulti", "updateMulti", "removeMulti"):
            return super().AccessFace(query, body)
        return NOT_THERE if query["action"] == "get" else PLAIN_REFUSAL

    def FaceInfoManager(self, query, body):
        if query["action"] == "remove":
            self.faces.pop(query["UserID"], None)
            return "OK\r\n"
        return self.find(query, [{"UserID": key} for key in self.faces])


class OneRow(Lists, FieldTerminal):
    """AccessControlCard as an SS 5531 MF EX keeps it: one row a UserID, and the face goes with its row.

    `can_update` for firmware that changes a row in place; the bench notes have no update.
    """

    model = "SS 5531 MF EX"
    can_update = False
    longest_name = 32

    def __init__(self):
        super().__init__()
        self.rows, self.faces, self.next = {}, {}, 15

    def recordFinder(self, query, body):
        if query["name"] != "AccessControlCard":
            return coded(285278242)
        rows = list(self.rows.values())
        match query["action"]:
            case "getQuerySize":
                return f"Size={len(rows)}\ncount={len(rows)}"
            case "doSeekFind":
                rows = rows[int(query["offset"]) :][: int(query["count"])]
            case "find":
                key = query.get("condition.UserID")
                rows = [row for row in rows if key in (None, row["UserID"])][: int(query["count"])]
            case _:
                return NOT_THERE
        lines = [f"records[{place}].{name}={value}" for place, row in enumerate(rows) for name, value in row.items()]
        return "\n".join([f"found={len(rows)}", *lines])

    def recordUpdater(self, query, body):
        fields = {name: value for name, value in query.items() if name not in ("action", "name", "recno")}
        match query["action"]:
            case "insert":
                return self.insert(fields)
            case "update" if self.can_update:
                old = self.rows[int(query["recno"])]
                self.rows[int(query["recno"])] = old | fields
                return "OK"
            case "remove" if int(query["recno"]) in self.rows:
                self.faces.pop(self.rows.pop(int(query["recno"]))["UserID"], None)
                return "OK"
        return PLAIN_REFUSAL

    def insert(self, fields):
        if len(fields["CardName"].encode()) > self.longest_name or "CardNo" not in fields:
            return PLAIN_REFUSAL
        if any(row["UserID"] == fields["UserID"] for row in self.rows.values()):
            return coded(286064929)
        if fields["CardNo"] and any(row["CardNo"] == fields["CardNo"] for row in self.rows.values()):
            return coded(286064930)
        number, self.next = self.next, self.next + 1
        self.rows[number] = {**fields, "RecNo": number}
        return f"RecNo={number}"

    def FaceInfoManager(self, query, body):
        match query["action"]:
            case "add" | "update":
                if body["UserID"] not in {row["UserID"] for row in self.rows.values()}:
                    return coded(288686082)
                self.faces[body["UserID"]] = body["Info"]["PhotoData"][0]
                return "OK"
            case "remove":
                self.faces.pop(query["UserID"], None)
                return "OK"
        return self.find(query, [{"UserID": key} for key in self.faces])
