// Bars, drawn by uPlot. It sets its styles through the CSSOM, which the policy allows; the table beside it says the same.
import type { PropertyValues } from "lit";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { DeskElement } from "../../base/element";
import { number } from "../../base/i18n";
import type { Bar } from "./model";

const HEIGHT = 260;
const MIN_WIDTH = 240;
/** So much of the width a label takes below the bars, and each of its letters. */
const LABEL_PX = 110;
const LETTER_PX = 7.5;
const WHOLE = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000, 50_000, 100_000];

class Chart extends DeskElement {
  static override properties = { bars: { attribute: false }, label: { attribute: false } };
  declare bars: readonly Bar[];
  declare label: string;
  private plot: uPlot | undefined;
  private readonly watcher = new ResizeObserver(() => this.fit());

  constructor() {
    super();
    this.bars = [];
    this.label = "";
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.watcher.observe(this);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", this.draw);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.watcher.disconnect();
    matchMedia("(prefers-color-scheme: dark)").removeEventListener("change", this.draw);
    this.plot?.destroy();
    this.plot = undefined;
  }

  override updated(changed: PropertyValues<this>): void {
    this.setAttribute("role", "img");
    this.setAttribute("aria-label", this.label);
    if (changed.has("bars")) this.draw();
  }

  private readonly draw = (): void => {
    this.plot?.destroy();
    this.plot = undefined;
    if (this.bars.length > 0) this.plot = new uPlot(this.options(), this.data(), this);
  };

  private fit(): void {
    const width = this.innerWidth();
    if (this.plot && this.plot.width !== width) this.plot.setSize({ width, height: HEIGHT });
  }

  private innerWidth(): number {
    const style = getComputedStyle(this);
    return Math.max(MIN_WIDTH, Math.floor(this.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight)));
  }

  private data(): uPlot.AlignedData {
    return [this.bars.map((_, index) => index), this.bars.map((bar) => bar.value)];
  }

  private options(): uPlot.Options {
    const width = this.innerWidth();
    const color = (name: string): string => resolved(this, name);
    const step = Math.max(1, Math.ceil(this.bars.length / Math.max(1, Math.floor(width / LABEL_PX))));
    const grid = { stroke: color("--line"), width: 1 };
    const letters = Math.floor((width / Math.ceil(this.bars.length / step) - 16) / LETTER_PX);
    const incrs = this.bars.every((bar) => Number.isInteger(bar.value)) ? { incrs: WHOLE } : {};
    const labels = this.bars.map((_, index) => index).filter((index) => index % step === 0);
    return {
      width,
      height: HEIGHT,
      legend: { show: false },
      cursor: { show: false },
      scales: { x: { time: false, range: [-0.6, this.bars.length - 0.4] }, y: { range: (_, __, most) => [0, Math.max(1, most * 1.1)] } },
      axes: [
        { stroke: color("--text"), grid: { show: false }, ticks: { show: false }, splits: () => labels, values: (_, splits) => splits.map((index) => short(this.bars[index]?.label ?? "", letters)) },
        { stroke: color("--text"), grid, ticks: grid, size: 64, ...incrs, values: (_, splits) => splits.map((value) => number(value)) },
      ],
      series: [{}, { stroke: color("--accent"), fill: color("--accent"), ...(uPlot.paths.bars ? { paths: uPlot.paths.bars({ size: [0.7, 80] }) } : {}), points: { show: false } }],
    };
  }
}

function short(label: string, letters: number): string {
  return label.length > letters ? `${label.slice(0, Math.max(1, letters - 1))}…` : label;
}

/** Return a custom property's color as a canvas takes it: `light-dark()` is resolved by a real property. */
function resolved(element: HTMLElement, name: string): string {
  const probe = document.createElement("i");
  probe.style.color = `var(${name})`;
  element.append(probe);
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}

customElements.define("desk-chart", Chart);
