// Server-sent events (HTML Standard, 9.2), as far as the daemon writes them.

export interface Message {
  name: string;
  data: string;
  id: string | null;
}

/** Reader of messages from pieces of text that may be cut anywhere. */
export class MessageReader {
  private rest = "";

  /** Return the messages that this piece completes. */
  read(piece: string): Message[] {
    this.rest += piece;
    const blocks = this.rest.split("\n\n");
    this.rest = blocks.pop() ?? "";
    return blocks.map(parsed).filter((message) => message !== null);
  }
}

function parsed(block: string): Message | null {
  let name = "message";
  let id: string | null = null;
  const data: string[] = [];
  for (const line of block.split("\n")) {
    const colon = line.indexOf(":");
    if (colon <= 0) continue; // a comment, or no field
    const field = line.slice(0, colon);
    const value = line.slice(colon + 1).replace(/^ /, "");
    if (field === "event") name = value;
    else if (field === "id") id = value;
    else if (field === "data") data.push(value);
  }
  return data.length > 0 ? { name, data: data.join("\n"), id } : null;
}
