// The mouse over a plotly chart of samples: hovering shows the sample's picture and labels, a click
// tells the server which sample it was, or where it was.

const views = new WeakMap(); // our piece of the page -> what it follows
const STILL = 4; // px that a click may move: more is a lasso
const REACH = 8; // px around a click in which the server looks for a sample
const TWO = 300; // ms in which a second click makes both a double click
const SMALL = 64; // px; smaller pictures are enlarged with their pixels kept square

export default function ({ data, parentElement, setTriggerValue }) {
  let view = views.get(parentElement);
  if (!view) {
    view = new View(parentElement);
    views.set(parentElement, view);
  }
  view.say = (click) => setTriggerValue("clicked", click);
  view.receive(data);
  return () => view.end();
}

class View {
  constructor(root) {
    this.root = root;
    this.tip = root.querySelector(".tip");
    this.image = document.createElement("img");
    this.image.onload = () => {
      this.image.hidden = false;
      const side = Math.max(this.image.naturalWidth, this.image.naturalHeight);
      this.image.classList.toggle("sharp", side < SMALL && !this.data.smooth);
      this.place();
    };
    this.image.onerror = () => (this.image.hidden = true);
    this.text = document.createElement("div");
    this.tip.append(this.image, this.text);
    this.hover = (event) => this.show(event);
    this.unhover = () => this.hide();
    this.down = (event) => this.press(event);
    this.up = (event) => this.release(event);
    this.move = (event) => {
      this.mouse = [event.clientX, event.clientY];
      if (event.buttons) this.hide();
      this.drag(event);
    };
    addEventListener("mousedown", this.down, true);
    addEventListener("mouseup", this.up, true);
    addEventListener("mousemove", this.move, true);
    // Streamlit makes a chart anew when it likes to, so look whether we listen to this one.
    this.watch = setInterval(() => this.listen(), 200);
  }

  receive(data) {
    if (this.data === data) return;
    this.data = data;
    this.row = new Map(data.id.map((id, row) => [id, row]));
    this.hide();
    this.listen();
  }

  listen() {
    const chart = document.querySelector(`.${CSS.escape(this.data.chart)} .js-plotly-plot`);
    if (!chart?.on || chart._ev?.listeners("plotly_hover").includes(this.hover)) return;
    this.chart = chart;
    chart.on("plotly_hover", this.hover);
    chart.on("plotly_unhover", this.unhover);
  }

  end() {
    clearInterval(this.watch);
    removeEventListener("mousedown", this.down, true);
    removeEventListener("mouseup", this.up, true);
    removeEventListener("mousemove", this.move, true);
    this.chart?.removeListener?.("plotly_hover", this.hover);
    this.chart?.removeListener?.("plotly_unhover", this.unhover);
    clearTimeout(this.soon);
    views.delete(this.root);
    this.tip.replaceChildren();
    this.tip.hidden = true;
  }

  show({ points }) {
    const id = points.map((point) => point.customdata).find((found) => Number.isInteger(found));
    if (id === undefined) return;
    this.id = id;
    const row = this.row.get(id);
    const lines = [[`sample ${id}`, ""]];
    if (row !== undefined) {
      for (const what of ["given", "true", "predicted"]) {
        const label = this.data[what][row];
        if (label >= 0) lines.push([what, this.data.classes[label]]);
      }
      if (this.data.rank[row]) {
        lines.push([this.data.criterion, `${this.data.score[row]}, rank ${this.data.rank[row]}`]);
      }
    }
    this.text.replaceChildren(...lines.map(([what, value]) => line(what, value)));
    if (this.data.picture) {
      const address = `${this.data.picture[0]}${id}${this.data.picture[1]}`;
      if (this.image.getAttribute("src") !== address) {
        this.image.hidden = true;
        this.image.src = address;
      }
      this.image.alt = lines.map((words) => words.join(" ").trim()).join(", ");
    } else this.image.hidden = true;
    this.tip.hidden = false;
    this.place();
  }

  place() {
    if (this.tip.hidden || !this.mouse) return;
    const [x, y] = this.mouse;
    const { width, height } = this.tip.getBoundingClientRect();
    const left = x + 18 + width > innerWidth ? x - 18 - width : x + 18;
    this.tip.style.left = `${Math.max(left, 4)}px`;
    this.tip.style.top = `${Math.max(Math.min(y - height / 2, innerHeight - height - 4), 4)}px`;
  }

  hide() {
    this.id = undefined;
    this.tip.hidden = true;
  }

  press(event) {
    clearTimeout(this.soon);
    const inside = this.chart?.isConnected && event.target.closest?.(".nsewdrag, .dragcover");
    const ours = inside && this.chart.contains(event.target) && event.button === 0;
    this.start = ours ? [event.clientX, event.clientY, this.id] : null;
  }

  drag({ clientX, clientY }) {
    // A lasso may end where it began, which makes it no click.
    if (this.start && Math.hypot(clientX - this.start[0], clientY - this.start[1]) > STILL) {
      this.start = null;
    }
  }

  release(event) {
    if (!this.start) return;
    const [x, y, id] = this.start;
    this.start = null;
    if (event.detail > 1) return;
    const { xaxis, yaxis } = this.chart._fullLayout;
    const frame = this.chart.getBoundingClientRect();
    const from = [x - frame.left - xaxis._offset, y - frame.top - yaxis._offset];
    const at = [xaxis.p2d(from[0]), yaxis.p2d(from[1])];
    if (id === undefined && !this.data.anywhere) return;
    const click = {
      id: id ?? null,
      x: at[0],
      y: at[1],
      reach_x: Math.abs(xaxis.p2d(from[0] + REACH) - at[0]),
      reach_y: Math.abs(yaxis.p2d(from[1] + REACH) - at[1]),
    };
    // Two clicks beside the samples take an outline away, and pick none.
    if (id === undefined) this.soon = setTimeout(() => this.say(click), TWO);
    else this.say(click);
  }
}

function line(what, value) {
  const element = document.createElement("div");
  const label = document.createElement(value ? "span" : "b");
  label.className = value ? "what" : "";
  label.textContent = what;
  element.append(label);
  if (value) element.append(` ${value}`);
  return element;
}
