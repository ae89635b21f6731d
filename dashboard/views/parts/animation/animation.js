// The map of the Timeline page. The server says where samples lie at an epoch of the slider and at
// the one before it; the way from what is on screen to there is drawn here, frame by frame, so
// that a moving sample can be followed. The view (zoom, shift) is kept from epoch to epoch.

const NONE = 65535; // a coordinate that says "no place"
const FAR = 65534;
const CIRCLES_UP_TO = 4000; // more are drawn as squares, which is faster
const REACH = 9; // px around a sample in which the pointer finds it
const views = new WeakMap(); // our piece of the page -> what it shows

export default function ({ data, parentElement, setTriggerValue }) {
  let view = views.get(parentElement);
  if (!view) {
    view = new View(parentElement);
    views.set(parentElement, view);
  }
  view.say = (id) => setTriggerValue("clicked", id);
  view.receive(data);
}

class View {
  constructor(root) {
    this.map = root.querySelector(".map");
    this.weights = root.querySelector(".weights");
    this.tip = root.querySelector(".tip");
    this.host = root.querySelector(".animation");
    this.zoom = 1;
    this.shift = [0, 0];
    this.now = null; // places on screen, floats in the frame, or NaN
    this.bars = {};
    root.querySelector(".in").onclick = () => this.scale(1.5);
    root.querySelector(".out").onclick = () => this.scale(1 / 1.5);
    root.querySelector(".whole").onclick = () => this.resetView();
    this.map.ondblclick = () => this.resetView();
    this.listen();
    new ResizeObserver(() => this.draw()).observe(this.host);
  }

  receive(data) {
    if (this.stamp === data.stamp) return this.draw();
    this.stamp = data.stamp;
    const other = !this.data || this.data.rows !== data.rows;
    this.data = data;
    this.ids = numbers(data.ids, Int32Array);
    this.given = numbers(data.given, Uint16Array);
    this.truth = numbers(data.truth, Uint16Array);
    this.colour = numbers(data.colour, Uint8Array);
    this.rank = numbers(data.rank, Int32Array);
    this.chosen = new Set(data.chosen);
    const list = this.host.querySelector(".numbers");
    list.replaceChildren(
      ...data.numbers.flatMap(([what, number]) => [line("dt", what), line("dd", number)]),
    );
    this.host.querySelector("h3").hidden = !Object.keys(data.bins).length;
    this.goal = places(data.places);
    this.before = data.before ? places(data.before) : null;
    if (other) this.resetView();
    const fits = !other && this.now && this.now.length === this.goal.length;
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    this.from = fits && !still ? this.now : this.goal;
    this.barsFrom = fits && !still ? this.bars : data.bins;
    this.start = performance.now();
    this.length = this.from === this.goal ? 0 : data.duration;
    this.run();
  }

  run() {
    cancelAnimationFrame(this.frame);
    const step = () => {
      const share = this.length ? Math.min((performance.now() - this.start) / this.length, 1) : 1;
      const even = share * share * (3 - 2 * share);
      this.now = between(this.from, this.goal, even);
      this.bars = {};
      for (const [name, to] of Object.entries(this.data.bins)) {
        const at = this.barsFrom[name] || to.map(() => 0);
        this.bars[name] = to.map((v, i) => at[i] + (v - at[i]) * even);
      }
      this.share = even;
      this.draw();
      if (share < 1) this.frame = requestAnimationFrame(step);
    };
    step();
  }

  // -- the view

  resetView() {
    this.zoom = 1;
    this.shift = [0, 0];
    this.draw();
  }

  scale(by) {
    this.zoom = Math.min(Math.max(this.zoom * by, 1), 60);
    this.draw();
  }

  listen() {
    let from = null;
    this.map.onpointerdown = (event) => {
      from = { at: [event.offsetX, event.offsetY], shift: this.shift, moved: false };
      this.map.setPointerCapture(event.pointerId);
    };
    this.map.onpointermove = (event) => {
      if (!from) return this.hover(event);
      const by = [event.offsetX - from.at[0], event.offsetY - from.at[1]];
      if (Math.hypot(...by) > 3) from.moved = true;
      if (!from.moved) return;
      const side = this.side * this.zoom;
      this.shift = [from.shift[0] + by[0] / side, from.shift[1] + by[1] / side];
      this.draw();
    };
    this.map.onpointerup = (event) => {
      const found = from && !from.moved ? this.at(event) : -1;
      from = null;
      if (found >= 0) this.say(this.ids[found]);
    };
    this.map.onpointerleave = () => (this.tip.hidden = true);
    // Without a key the wheel scrolls the page, as over every figure.
    this.map.addEventListener(
      "wheel",
      (event) => {
        if (!event.ctrlKey && !event.metaKey) return;
        event.preventDefault();
        this.scale(event.deltaY < 0 ? 1.2 : 1 / 1.2);
      },
      { passive: false },
    );
  }

  x(share) {
    return this.width / 2 + (share - 0.5 + this.shift[0]) * this.side * this.zoom;
  }

  y(share) {
    return this.height / 2 + (share - 0.5 + this.shift[1]) * this.side * this.zoom;
  }

  at(event) {
    let best = REACH;
    let found = -1;
    for (let i = 0; this.now && i < this.ids.length; i++) {
      const far = Math.hypot(
        this.x(this.now[2 * i]) - event.offsetX,
        this.y(this.now[2 * i + 1]) - event.offsetY,
      );
      if (far < best) [best, found] = [far, i];
    }
    return found;
  }

  hover(event) {
    const found = this.at(event);
    this.tip.hidden = found < 0;
    if (found < 0) return;
    const names = this.data.names;
    const name = (label) => (label === NONE ? "unknown" : names[label]);
    const rank = this.rank[found] ? `rank ${this.rank[found].toLocaleString("en")}` : "no score";
    const lines = [
      `sample ${this.ids[found]}`,
      `given ${name(this.given[found])}`,
      `true ${name(this.truth[found])}`,
      `${rank} by ${this.data.criterion}`,
    ];
    this.tip.textContent = lines.join("\n"); // names are text, never markup
    const right = event.offsetX > this.width * 0.6;
    this.tip.style.left = right ? "" : `${event.offsetX + 14}px`;
    this.tip.style.right = right ? `${this.host.clientWidth - event.offsetX + 14}px` : "";
    this.tip.style.top = `${event.offsetY + 10}px`;
  }

  // -- drawing

  draw() {
    if (!this.data || !this.now) return;
    const pen = this.prepare(this.map);
    if (!pen) return;
    this.side = Math.min(this.width, this.height);
    const { text } = this.look();
    this.drawCircle(pen, text);
    if (this.data.trails && this.before) this.drawTrails(pen);
    this.drawSamples(pen);
    this.drawAnchors(pen, text);
    this.drawChosen(pen);
    pen.globalAlpha = 1;
    pen.fillStyle = text;
    pen.font = "600 20px sans-serif";
    pen.textAlign = "left";
    pen.textBaseline = "top";
    pen.fillText(`epoch ${this.data.epoch}`, 8, 8);
    this.drawWeights();
  }

  prepare(canvas) {
    const width = canvas.clientWidth;
    const height = canvas.clientHeight;
    if (!width || !height) return null;
    const dense = window.devicePixelRatio || 1;
    if (canvas.width !== Math.round(width * dense)) canvas.width = Math.round(width * dense);
    if (canvas.height !== Math.round(height * dense)) canvas.height = Math.round(height * dense);
    const pen = canvas.getContext("2d");
    pen.setTransform(dense, 0, 0, dense, 0, 0);
    pen.clearRect(0, 0, width, height);
    if (canvas === this.map) [this.width, this.height] = [width, height];
    return pen;
  }

  look() {
    const style = getComputedStyle(this.host);
    return { text: style.color };
  }

  drawCircle(pen, text) {
    pen.strokeStyle = text;
    pen.globalAlpha = 0.15;
    pen.lineWidth = 1;
    pen.beginPath();
    // The circle of radius 1 in a frame 2.5 wide.
    pen.arc(this.x(0.5), this.y(0.5), (this.side * this.zoom) / 2.5, 0, 7);
    pen.stroke();
  }

  drawTrails(pen) {
    pen.globalAlpha = this.ids.length > 3000 ? 0.08 : 0.22;
    pen.lineWidth = 1;
    this.byColour((rows, colour) => {
      pen.strokeStyle = colour;
      pen.beginPath();
      for (const i of rows) {
        const [x, y] = [this.x(this.now[2 * i]), this.y(this.now[2 * i + 1])];
        const [u, v] = [this.x(this.before[2 * i]), this.y(this.before[2 * i + 1])];
        if (!(Math.abs(x - u) + Math.abs(y - v) > 2)) continue; // also where one has no place
        pen.moveTo(u, v);
        pen.lineTo(x, y);
      }
      pen.stroke();
    });
  }

  drawSamples(pen) {
    const many = this.ids.length > CIRCLES_UP_TO;
    const size = (many ? 1.4 : 2.6) * Math.min(Math.sqrt(this.zoom), 2);
    pen.globalAlpha = many ? 0.7 : 0.8;
    this.byColour((rows, colour) => {
      pen.fillStyle = colour;
      pen.beginPath();
      for (const i of rows) {
        const [x, y] = [this.x(this.now[2 * i]), this.y(this.now[2 * i + 1])];
        if (x !== x || x < -9 || y < -9 || x > this.width + 9 || y > this.height + 9) continue;
        if (many) pen.rect(x - size, y - size, 2 * size, 2 * size);
        else {
          pen.moveTo(x + size, y);
          pen.arc(x, y, size, 0, 7);
        }
      }
      pen.fill();
    });
  }

  // Colours come in turns of some samples each, so that no colour covers another wholly.
  byColour(call) {
    const turns = 8;
    const count = this.data.palette.length;
    for (let turn = 0; turn < turns; turn++) {
      const rows = Array.from({ length: count }, () => []);
      for (let i = turn; i < this.ids.length; i += turns) rows[this.colour[i]].push(i);
      rows.forEach((mine, c) => mine.length && call(mine, this.data.palette[c]));
    }
  }

  drawAnchors(pen, text) {
    const anchors = places(this.data.anchors);
    pen.textAlign = "center";
    pen.textBaseline = "middle";
    pen.font = "13px sans-serif";
    for (let c = 0; c < anchors.length / 2; c++) {
      const [x, y] = [this.x(anchors[2 * c]), this.y(anchors[2 * c + 1])];
      if (x !== x) continue;
      pen.globalAlpha = 1;
      star(pen, x, y, 8);
      pen.fillStyle = "#F0E442";
      pen.fill();
      pen.strokeStyle = "#444444";
      pen.lineWidth = 1.5;
      pen.stroke();
      if (!this.data.labels) continue;
      pen.fillStyle = text;
      const [dx, dy] = [anchors[2 * c] - 0.5, anchors[2 * c + 1] - 0.5];
      const far = 24 / (Math.hypot(dx, dy) || 1);
      pen.fillText(this.data.short[c], x + dx * far, y + dy * far);
    }
  }

  drawChosen(pen) {
    pen.globalAlpha = 1;
    for (let i = 0; i < this.ids.length; i++) {
      if (!this.chosen.has(this.ids[i]) || this.now[2 * i] !== this.now[2 * i]) continue;
      for (const [width, colour] of [
        [5, "#222222"],
        [2.5, "#F0E442"],
      ]) {
        pen.strokeStyle = colour;
        pen.lineWidth = width;
        pen.beginPath();
        pen.arc(this.x(this.now[2 * i]), this.y(this.now[2 * i + 1]), 8, 0, 7);
        pen.stroke();
      }
    }
  }

  drawWeights() {
    const pen = this.prepare(this.weights);
    const names = Object.keys(this.bars);
    if (!pen || !names.length) return;
    const { text } = this.look();
    const [left, right, top, bottom] = [34, 8, 8, 34];
    const width = this.weights.clientWidth - left - right;
    const height = this.weights.clientHeight - top - bottom;
    pen.font = "11px sans-serif";
    pen.fillStyle = text;
    pen.strokeStyle = text;
    pen.lineWidth = 1;
    pen.textAlign = "right";
    pen.textBaseline = "middle";
    // The axis is the same at every epoch, up to the whole group in one bin.
    for (const share of [0, 0.5, 1]) {
      const y = top + height * (1 - share);
      pen.globalAlpha = 0.75;
      pen.fillText(`${100 * share}%`, left - 4, y);
      pen.globalAlpha = 0.15;
      pen.beginPath();
      pen.moveTo(left, y);
      pen.lineTo(left + width, y);
      pen.stroke();
    }
    pen.globalAlpha = 0.75;
    pen.textAlign = "center";
    for (const weight of [0, 0.5, 1]) pen.fillText(`${weight}`, left + width * weight, top + height + 10);
    pen.fillText("HM weight", left + width / 2, top + height + 25);
    for (const name of names) {
      const bars = this.bars[name];
      const colour = this.data.groups[name];
      pen.beginPath();
      pen.moveTo(left, top + height);
      bars.forEach((share, i) => {
        const y = top + height * (1 - share);
        pen.lineTo(left + (width * i) / bars.length, y);
        pen.lineTo(left + (width * (i + 1)) / bars.length, y);
      });
      pen.lineTo(left + width, top + height);
      pen.globalAlpha = 0.18;
      pen.fillStyle = colour;
      pen.fill();
      pen.globalAlpha = 1;
      pen.lineWidth = 2;
      pen.strokeStyle = colour;
      pen.setLineDash(name === "mislabeled" ? [5, 3] : []);
      pen.stroke();
      pen.setLineDash([]);
    }
  }
}

function numbers(text, type) {
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  return new type(bytes.buffer);
}

function places(text) {
  const whole = numbers(text, Uint16Array);
  return Float32Array.from(whole, (value) => (value === NONE ? NaN : value / FAR));
}

function between(from, to, share) {
  if (share >= 1) return to;
  const now = new Float32Array(to.length);
  for (let i = 0; i < to.length; i++) {
    // Who had no place appears where it comes to lie.
    now[i] = from[i] === from[i] ? from[i] + (to[i] - from[i]) * share : to[i];
  }
  return now;
}

function line(tag, text) {
  const element = document.createElement(tag);
  element.textContent = text;
  return element;
}

function star(pen, x, y, size) {
  pen.beginPath();
  for (let i = 0; i < 10; i++) {
    const far = i % 2 ? size * 0.45 : size;
    const angle = (Math.PI * i) / 5 - Math.PI / 2;
    pen.lineTo(x + far * Math.cos(angle), y + far * Math.sin(angle));
  }
  pen.closePath();
}
