// The camera of this computer: it runs between `start` and `stop`, and its pictures never leave this page's memory but for the daemon.

/** Why there is no picture, as a name that the catalogs have words for. */
export type CameraProblem = "insecure" | "refused" | "none" | "busy" | "gone" | "failed";

const MAX_SIDE = 640;
const QUALITY = 0.85;

export function problemOf(error: unknown): CameraProblem {
  const name = error instanceof DOMException ? error.name : "";
  if (name === "NotAllowedError" || name === "SecurityError") return "refused";
  if (name === "NotFoundError" || name === "OverconstrainedError") return "none";
  return name === "NotReadableError" || name === "AbortError" ? "busy" : "failed";
}

/** Return False where browsers give no camera: they do over https, and on the daemon's own host. */
export function isPossible(): boolean {
  // Where the page came by plain http there are no media devices, whatever the types say.
  return isSecureContext && (navigator.mediaDevices as MediaDevices | undefined)?.getUserMedia !== undefined;
}

export class Camera {
  stream: MediaStream | null = null;
  private turn = 0;

  /** `gone` is called when the camera ends by itself, such as when it is unplugged. */
  constructor(private readonly gone: () => void) {}

  /** Start a camera, the user's choice or else the one that faces the user; false if it was stopped before that. */
  async start(device: string): Promise<boolean> {
    this.stop();
    const turn = this.turn;
    const size = { width: { ideal: 1280 }, height: { ideal: 720 } };
    const video = device === "" ? { ...size, facingMode: "user" } : { ...size, deviceId: { exact: device } };
    const stream = await navigator.mediaDevices.getUserMedia({ video, audio: false });
    if (turn !== this.turn) {
      end(stream);
      return false;
    }
    this.stream = stream;
    for (const track of stream.getTracks()) track.addEventListener("ended", () => this.stream === stream && this.gone());
    return true;
  }

  /** Switch the camera off at once. */
  stop(): void {
    this.turn += 1;
    if (this.stream) end(this.stream);
    this.stream = null;
  }

  /** Return the cameras to choose from; their names are known once one was allowed. */
  async choices(): Promise<MediaDeviceInfo[]> {
    const all = await navigator.mediaDevices.enumerateDevices().catch(() => []);
    return all.filter((one) => one.kind === "videoinput" && one.deviceId !== "");
  }
}

function end(stream: MediaStream): void {
  for (const track of stream.getTracks()) track.stop();
}

/** Return the present picture as a JPEG of at most 640 px; nothing before the first one is there. */
export async function grab(video: HTMLVideoElement): Promise<Uint8Array<ArrayBuffer> | null> {
  const { videoWidth, videoHeight } = video;
  if (videoWidth === 0 || videoHeight === 0) return null;
  const scale = Math.min(1, MAX_SIDE / Math.max(videoWidth, videoHeight));
  return jpegOf(Math.round(videoWidth * scale), Math.round(videoHeight * scale), video);
}

/** Return a small gray picture, which lets the daemon make its analysis ready. */
export function blank(): Promise<Uint8Array<ArrayBuffer> | null> {
  return jpegOf(64, 64, null);
}

async function jpegOf(width: number, height: number, source: CanvasImageSource | null): Promise<Uint8Array<ArrayBuffer> | null> {
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  const paper = canvas.getContext("2d");
  if (source) paper?.drawImage(source, 0, 0, width, height);
  const picture = await new Promise<Blob | null>((resolve) => canvas.toBlob(resolve, "image/jpeg", QUALITY));
  canvas.width = 0; // lets go of its pixels at once
  return picture ? new Uint8Array(await picture.arrayBuffer()) : null;
}
