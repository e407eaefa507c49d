import { describe, expect, it } from "vitest";
import { MessageReader } from "../src/api/sse";

describe("MessageReader", () => {
  const text = ': waiting\n\nevent: state\ndata: {"whole": true}\n\nid: 7\nevent: event\ndata: {"seq": 7}\n\n';
  const messages = [
    { name: "state", data: '{"whole": true}', id: null },
    { name: "event", data: '{"seq": 7}', id: "7" },
  ];

  it("skips comments and gives messages by name", () => {
    expect(new MessageReader().read(text)).toEqual(messages);
  });

  it("takes pieces that are cut anywhere", () => {
    for (const size of [1, 2, 3, 7, 20]) {
      const reader = new MessageReader();
      const found = [];
      for (let at = 0; at < text.length; at += size) found.push(...reader.read(text.slice(at, at + size)));
      expect(found).toEqual(messages);
    }
  });

  it("keeps colons in data, and joins its lines", () => {
    expect(new MessageReader().read("data: a:b\ndata:c\n\n")).toEqual([{ name: "message", data: "a:b\nc", id: null }]);
  });
});
