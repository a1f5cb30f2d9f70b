// Time and where it is on the screen: the stretch that is seen, the ticks below it, times and durations in words.
//
// Times are nanoseconds since the run began; only labels know the wall clock.

const US = 1e3;
const MS = 1e6;
const S = 1e9;
const MINUTE = 60 * S;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** The narrowest stretch that can be looked at. */
const NARROWEST = 2 * US;

/** The stretch of time that is seen, and the pixels that it has. */
export class View {
  constructor(span) {
    this.span = span;
    this.from = 0;
    this.to = span;
    this.left = 0;
    this.width = 1;
  }

  x(time) {
    return this.left + ((time - this.from) / (this.to - this.from)) * this.width;
  }

  time(x) {
    return this.from + ((x - this.left) / this.width) * (this.to - this.from);
  }

  get length() {
    return this.to - this.from;
  }

  /** Looks at a stretch, within the run and a little beyond it. */
  show(from, to) {
    const margin = this.span * 0.05 + NARROWEST;
    const length = Math.min(Math.max(to - from, NARROWEST), this.span + 2 * margin);
    const middle = (from + to) / 2;
    this.from = Math.min(Math.max(middle - length / 2, -margin), this.span + margin - length);
    this.to = this.from + length;
  }

  zoom(factor, at) {
    this.show(at - (at - this.from) * factor, at + (this.to - at) * factor);
  }

  pan(time) {
    this.show(this.from + time, this.to + time);
  }

  /** A stretch with some air around it. */
  frame(from, to) {
    const air = Math.max((to - from) * 0.06, NARROWEST);
    this.show(from - air, to + air);
  }
}

const STEPS = [
  ...[1, 10, 100, US, 10 * US, 100 * US, MS, 10 * MS, 100 * MS].flatMap((unit) => [unit, 2 * unit, 5 * unit]),
  S, 2 * S, 5 * S, 10 * S, 15 * S, 30 * S, MINUTE, 2 * MINUTE, 5 * MINUTE, 10 * MINUTE, 15 * MINUTE, 30 * MINUTE,
  HOUR, 2 * HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR, DAY, 2 * DAY, 7 * DAY, 14 * DAY, 30 * DAY, 90 * DAY, 365 * DAY,
];

/** Round times in view: where, and what to write there. */
export function ticks(view, begin, spacing) {
  const wanted = (view.length / view.width) * spacing;
  const step = STEPS.find((candidate) => candidate >= wanted) ?? STEPS.at(-1);
  const offset = Number((begin + zone(begin)) % BigInt(step));
  const found = [];
  for (let time = Math.ceil((view.from + offset) / step) * step - offset; time <= view.to; time += step) {
    found.push({ time, label: tickLabel(begin, time, step) });
  }
  return { found, step };
}

/** What local time is ahead of UTC, ns. */
function zone(begin) {
  return BigInt(-new Date(Number(begin / 1000000n)).getTimezoneOffset()) * BigInt(MINUTE);
}

const two = (number) => String(number).padStart(2, '0');

/** Date, hours, minutes and seconds of a time, and the nanoseconds behind them. */
function parts(begin, time) {
  const all = begin + BigInt(Math.round(time));
  const second = all / 1000000000n;
  const date = new Date(Number(second) * 1000);
  return { date, nanos: Number(all - second * 1000000000n) };
}

function tickLabel(begin, time, step) {
  const { date, nanos } = parts(begin, time);
  if (step >= DAY) return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  if (step >= MINUTE) return `${two(date.getHours())}:${two(date.getMinutes())}`;
  if (step >= S) return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
  const digits = Math.max(1, 9 - Math.floor(Math.log10(step)));
  return `${two(date.getSeconds())}.${String(nanos).padStart(9, '0').slice(0, digits)}`;
}

/** `17:15:03.120431`. */
export function clock(begin, time) {
  const { date, nanos } = parts(begin, time);
  const micros = String(nanos).padStart(9, '0').slice(0, 6);
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}.${micros}`;
}

/** `2026-11-22`. */
export function day(begin, time) {
  const { date } = parts(begin, time);
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
}

/** `3.2 s`, `200.1 ms`: as the command line says it. */
export function duration(ns) {
  if (ns < US) return `${Math.round(ns)} ns`;
  if (ns < MS) return `${(ns / US).toFixed(ns < 10 * US ? 1 : 0)} µs`;
  if (ns < S) return `${(ns / MS).toFixed(1)} ms`;
  if (ns < MINUTE) return `${(ns / S).toFixed(2)} s`;
  if (ns < HOUR) return `${Math.floor(ns / MINUTE)} min ${two(Math.floor((ns / S) % 60))} s`;
  if (ns < DAY) return `${Math.floor(ns / HOUR)} h ${two(Math.floor((ns / MINUTE) % 60))} min`;
  return `${Math.floor(ns / DAY)} days ${Math.floor((ns / HOUR) % 24)} h`;
}
