// The camera: shows what it sees, takes frames while its button is held, or steadily, and hands them over bundle by bundle.
// The next bundle goes when the page has said that it has the last one (data.seen), so that none is lost and none piles up.
// A frame belongs to what was to be seen when it was taken (data.subject), whatever is chosen by the time that it goes.

const EVERY_MS = 250;
const SIDE_PX = 480;
const QUALITY = 0.92;
const BUNDLE = 6;
const MOST_WAITING = 60; // A hold ends here: fifteen seconds.
const AGAIN_MS = 5000; // An unanswered bundle is handed over anew; the page knows frames that it has.

const REFUSALS = {
  NotAllowedError: "The browser doesn't let this page use the camera. Allow it beside the address, then try again.",
  NotFoundError: "No camera was found. Connect one, then try again.",
  NotReadableError: "The camera is in use by another program. Close that, then try again.",
  OverconstrainedError: "This camera can't be used. Choose another.",
};
const ENDED = "The camera was disconnected, or another program took it. Connect it, then turn it on again.";
const INSECURE = "Browsers give the camera only to pages at https:// or localhost. Open the page there.";

class Camera {
  constructor(root) {
    this.root = root.querySelector(".camera");
    this.find = (name) => this.root.querySelector(name);
    this.video = this.find("video");
    this.waiting = []; // Frames taken and not yet handed over.
    this.sent = null;
    this.count = 0;
    this.problem = null; // Why there is no camera.
    this.find(".on").onclick = () => (this.stream ? this.stop() : this.start());
    this.find(".which").onchange = (event) => this.start(event.target.value);
    this.holdable(this.find(".take"));
    this.fresh = true; // Whether the camera has given a frame since the last was taken.
    this.refresh();
    this.leave = () => this.release(); // As by a refresh: what waits goes while it still can.
    addEventListener("beforeunload", this.leave);
    this.startIfAllowed();
  }

  // Called whenever the page has run.
  update(data, trigger) {
    if (this.holding && data.subject !== this.data.subject) this.turn(data);
    this.data = data;
    this.trigger = trigger;
    const take = this.find(".take");
    const subject = data.names[data.subject];
    take.textContent = data.live ? (this.paused ? "Go on" : "Pause") : `Hold to take pictures${subject ? ` of ${subject}` : ""}`;
    if (this.sent && data.seen === this.sent.id) this.sent = null;
    if (!this.holding || this.waiting.length >= BUNDLE) this.handOver();
    this.steadily();
    this.tell();
  }

  // Another subject while the button is held was chosen before it was pressed, and the page tells late: what waits of this hold is of that
  // one. Where the former subject is gone, nobody chose another, and the hold ends.
  turn(data) {
    if (!(this.data.subject in data.names)) return this.release();
    for (const frame of this.waiting) if (frame.hold === this.holding) frame.subject = data.subject;
  }

  async startIfAllowed() {
    try {
      const known = await navigator.permissions.query({ name: "camera" });
      if (known.state === "granted") this.start();
    } catch {
      // Some browsers don't tell; the button asks.
    }
  }

  async start(deviceId) {
    if (!navigator.mediaDevices?.getUserMedia) return this.fail(INSECURE);
    this.stop();
    try {
      const wanted = { width: { ideal: 640 }, height: { ideal: SIDE_PX }, ...(deviceId ? { deviceId: { exact: deviceId } } : {}) };
      const stream = await navigator.mediaDevices.getUserMedia({ video: wanted, audio: false });
      if (this.gone) return stream.getTracks().forEach((track) => track.stop());
      this.stream = stream;
    } catch (error) {
      return this.fail(REFUSALS[error.name] ?? `The camera can't be used (${error.name}).`);
    }
    this.video.srcObject = this.stream;
    const [track] = this.stream.getVideoTracks();
    track.onended = () => this.fail(ENDED);
    this.root.classList.add("running");
    this.root.classList.toggle("mirrored", track.getSettings().facingMode !== "environment");
    this.find(".on").textContent = "Turn it off";
    this.find(".take").hidden = false;
    this.tell();
    await this.listCameras(track.getSettings().deviceId);
    this.steadily();
  }

  refresh() {
    this.video.requestVideoFrameCallback?.(() => {
      this.fresh = true;
      if (!this.gone) this.refresh();
    });
  }

  async listCameras(current) {
    const cameras = (await navigator.mediaDevices.enumerateDevices()).filter((device) => device.kind === "videoinput");
    const which = this.find(".which");
    which.replaceChildren(...cameras.map((device, at) => new Option(device.label || `Camera ${at + 1}`, device.deviceId, false, device.deviceId === current)));
    which.hidden = cameras.length < 2;
  }

  fail(problem) {
    this.stop();
    this.problem = problem;
    this.tell();
  }

  stop() {
    this.problem = null;
    this.release();
    clearInterval(this.ticking);
    this.ticking = null;
    this.stream?.getTracks().forEach((track) => track.stop());
    this.stream = null;
    this.video.srcObject = null;
    this.root.classList.remove("running");
    this.find(".on").textContent = "Turn on the camera";
    this.find(".take").hidden = true;
  }

  // A frame as it is shown, the square in the middle, at most SIDE_PX; not mirrored.
  frame() {
    const { videoWidth: width, videoHeight: height } = this.video;
    if (!this.stream || !width || !this.fresh) return null;
    this.fresh = !this.video.requestVideoFrameCallback; // Without it nobody tells; the page knows frames that it has.
    const side = Math.min(width, height);
    const canvas = document.createElement("canvas");
    canvas.width = canvas.height = Math.min(side, SIDE_PX);
    canvas.getContext("2d").drawImage(this.video, (width - side) / 2, (height - side) / 2, side, side, 0, 0, canvas.width, canvas.height);
    return { jpeg: canvas.toDataURL("image/jpeg", QUALITY).split(",")[1], at_ms: performance.timeOrigin + performance.now(), subject: this.data.subject, hold: this.holding };
  }

  holdable(button) {
    const begin = (event) => {
      event.preventDefault();
      if (this.data.live) this.pause();
      else this.press();
    };
    button.addEventListener("pointerdown", (event) => {
      if (event.button) return;
      button.setPointerCapture(event.pointerId);
      button.focus();
      begin(event);
    });
    for (const end of ["pointerup", "pointercancel", "lostpointercapture", "blur"]) button.addEventListener(end, () => this.release());
    button.addEventListener("keydown", (event) => {
      if (event.key !== " " && event.key !== "Enter") return;
      if (event.repeat) event.preventDefault();
      else begin(event);
    });
    button.addEventListener("keyup", () => this.release());
    button.addEventListener("contextmenu", (event) => event.preventDefault());
    button.addEventListener("click", (event) => {
      // Assistive technology clicks without pressing: one picture. What a pointer pressed has begun already.
      if (event.detail !== 0) return;
      begin(event);
      this.release();
    });
  }

  press() {
    if (this.holding) return;
    this.root.classList.add("taking");
    this.holding = setInterval(() => this.take(), EVERY_MS);
    this.take();
  }

  release() {
    clearInterval(this.holding);
    this.holding = null;
    this.root.classList.remove("taking");
    if (this.trigger) this.handOver();
  }

  take() {
    if (this.waiting.length >= MOST_WAITING) return this.release();
    const frame = this.frame();
    if (!frame) return;
    this.waiting.push(frame);
    this.count += 1;
    this.tell();
    if (this.waiting.length >= BUNDLE) this.handOver();
  }

  pause() {
    this.paused = !this.paused;
    this.find(".take").textContent = this.paused ? "Go on" : "Pause";
    this.tell();
  }

  // While answers are wanted: one frame at a time, the next when the last is answered.
  steadily() {
    if (!this.data?.live || !this.stream || this.ticking) return;
    this.ticking = setInterval(() => {
      if (!this.data.live) {
        clearInterval(this.ticking);
        this.ticking = null;
      } else if (!this.paused && !this.sent && !document.hidden) {
        const frame = this.frame();
        if (frame) this.waiting = [frame];
        this.handOver();
      } else if (this.sent && performance.now() - this.sent.at > AGAIN_MS) {
        this.sent = null;
      }
    }, EVERY_MS);
  }

  handOver() {
    const now = performance.now();
    if (this.sent && now - this.sent.at > AGAIN_MS) {
      this.waiting.unshift(...this.sent.frames);
      this.sent = null;
    }
    if (this.sent || this.gone || !this.waiting.length) return;
    const { subject } = this.waiting[0];
    const other = this.waiting.findIndex((frame) => frame.subject !== subject);
    const frames = this.waiting.splice(0, Math.min(BUNDLE, other < 0 ? BUNDLE : other));
    this.sent = { id: `${Date.now()}-${Math.random()}`, at: now, frames };
    this.trigger("frames", { id: this.sent.id, subject, frames: frames.map(({ jpeg, at_ms }) => ({ jpeg, at_ms })) });
    setTimeout(() => this.handOver(), AGAIN_MS + 100);
  }

  tell() {
    const coming = this.waiting.length + (this.sent?.frames.length ?? 0);
    const taken = this.data?.live ? (this.paused ? "Paused." : "") : this.count ? `${this.count} taken${coming ? `, ${coming} on their way` : ""}.` : "";
    this.find(".said").textContent = this.problem ?? (this.stream ? taken : "");
  }
}

const cameras = new WeakMap();

export default function ({ parentElement, data, setTriggerValue }) {
  let camera = cameras.get(parentElement);
  if (!camera) {
    camera = new Camera(parentElement);
    cameras.set(parentElement, camera);
  }
  camera.update(data, setTriggerValue);
  return () => {
    camera.gone = true;
    removeEventListener("beforeunload", camera.leave);
    camera.stop();
    cameras.delete(parentElement);
  };
}
