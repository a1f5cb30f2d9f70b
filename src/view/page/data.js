// The packed picture, unpacked: columns of numbers and texts. Twin of view/picture/{columns,pack,heading}.rs.
//
// A mark is a record that is drawn; marks are numbered lane by lane. Nothing here knows how anything looks.

export const WEIGHT = { plumbing: 0, event: 1, debug: 2, info: 3, warning: 4, error: 5, critical: 6 };
export const WAIT = { exclusion: 0, item: 1, room: 2, signal: 3, work: 4, idle: 5, elsewhere: 6, open: 8 };
export const ARROW = { start: 0, direct: 1, order: 2, lock: 3 };

/** The run that stands in an element of the page. */
export async function load(element) {
  return new Run(await unpacked(fromBase64(element.textContent.trim()), element.dataset.coding));
}

function fromBase64(text) {
  if (Uint8Array.fromBase64) return Uint8Array.fromBase64(text);
  const letters = atob(text);
  const bytes = new Uint8Array(letters.length);
  for (let at = 0; at < letters.length; at += 1) bytes[at] = letters.charCodeAt(at);
  return bytes;
}

async function unpacked(bytes, coding) {
  if (coding !== 'gzip') return bytes;
  if (!globalThis.DecompressionStream) throw new Error('this browser cannot unpack the page: write it with logq report --plain');
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('gzip'));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

const FOUR_BYTES = 2 ** 28;

/** A column of numbers; with `steps` each is told as its difference from the one before. */
function column(bytes, [begin, length], into, steps) {
  let at = begin;
  let last = 0;
  for (let n = 0; n < into.length && at < begin + length; n += 1) {
    let low = 0;
    let byte = 0x80;
    for (let shift = 0; shift < 28 && byte & 0x80; shift += 7) {
      byte = bytes[at++];
      low |= (byte & 0x7f) << shift;
    }
    let high = 0;
    for (let scale = 1; byte & 0x80; scale *= 128) {
      byte = bytes[at++];
      high += (byte & 0x7f) * scale;
    }
    if (steps) {
      const half = high * (FOUR_BYTES / 2) + (low >>> 1);
      last += low & 1 ? -half - 1 : half;
      into[n] = last;
    } else {
      into[n] = high * FOUR_BYTES + low;
    }
  }
  return into;
}

/** Where each text of a column of lengths begins, and where the last one ends. */
function offsets(lengths, begin) {
  const places = new Float64Array(lengths.length + 1);
  places[0] = begin;
  for (let n = 0; n < lengths.length; n += 1) places[n + 1] = places[n] + lengths[n];
  return places;
}

export class Run {
  constructor(packed) {
    const length = new DataView(packed.buffer, packed.byteOffset).getUint32(0, true);
    const reader = new TextDecoder();
    const heading = JSON.parse(reader.decode(packed.subarray(4, 4 + length)));
    const bytes = packed.subarray(4 + length);
    const table = heading.columns;
    const numbers = (name, Type, count, steps) => column(bytes, table[name], new Type(count), steps);
    this.heading = heading;
    this.bytes = bytes;
    this.reader = reader;
    this.lanes = heading.lanes;
    this.laneCount = (heading.lanes.id ?? []).length;
    this.first = new Uint32Array(this.laneCount + 1);
    for (let lane = 0; lane < this.laneCount; lane += 1) this.first[lane + 1] = this.first[lane] + heading.lanes.marks[lane];
    const count = this.first[this.laneCount];
    this.count = count;
    this.begin = BigInt(heading.begin);
    this.span = Math.max(1, heading.span);
    this.time = numbers('time', Float64Array, count, true);
    this.seq = numbers('seq', Float64Array, count, true);
    this.kind = numbers('kind', Uint8Array, count, false);
    this.weight = numbers('weight', Uint8Array, count, false);
    this.source = numbers('source', Uint32Array, count, false);
    this.textAt = offsets(numbers('text_length', Uint32Array, count, false), table.text[0]);
    this.detailAt = offsets(numbers('detail_length', Uint32Array, count, false), table.detail[0]);
    this.#readWaits(numbers, table);
    this.#readArrows(numbers, table);
    this.#orderByTime();
    this.sources = heading.sources.map((source) => source.split('\n'));
  }

  #readWaits(numbers, table) {
    const count = countOf(this.bytes, table.wait_kind);
    this.waits = {
      count,
      mark: numbers('wait_mark', Uint32Array, count, true),
      begin: numbers('wait_begin', Float64Array, count, true),
      took: numbers('wait_took', Float64Array, count, false),
      kind: numbers('wait_kind', Uint8Array, count, false),
      owner: numbers('wait_owner', Uint32Array, count, false),
    };
    // Waits of each lane stand together, since marks do.
    this.waitsOf = new Uint32Array(this.laneCount + 1);
    for (let lane = 0, wait = 0; lane < this.laneCount; lane += 1) {
      while (wait < count && this.waits.mark[wait] < this.first[lane + 1]) wait += 1;
      this.waitsOf[lane + 1] = wait;
    }
  }

  #readArrows(numbers, table) {
    const count = countOf(this.bytes, table.arrow_kind);
    const arrows = {
      count,
      to: numbers('arrow_to', Uint32Array, count, true),
      from: numbers('arrow_from', Uint32Array, count, true),
      kind: numbers('arrow_kind', Uint8Array, count, false),
      how: numbers('arrow_how', Uint32Array, count, false),
    };
    // The same by sender: a counting sort over marks.
    const next = new Uint32Array(this.count + 1);
    for (let n = 0; n < count; n += 1) next[arrows.from[n] + 1] += 1;
    for (let mark = 0; mark < this.count; mark += 1) next[mark + 1] += next[mark];
    arrows.outBegin = next.slice();
    arrows.out = new Uint32Array(count);
    for (let n = 0; n < count; n += 1) arrows.out[next[arrows.from[n]]++] = n;
    this.arrows = arrows;
    arrows.isNews = this.#newsOf(arrows);
  }

  /** Which hand-overs tell their lane of a record of the sender later than any that it knew: the others change nothing in the order. */
  #newsOf({ count, to, from }) {
    const isNews = new Uint8Array(count);
    const known = new Float64Array(this.laneCount);
    const knownBy = new Int32Array(this.laneCount).fill(-1);
    for (let n = 0, lane = 0; n < count; n += 1) {
      while (to[n] >= this.first[lane + 1]) lane += 1;
      const sender = this.laneOf(from[n]);
      if (knownBy[sender] === lane && from[n] <= known[sender]) continue;
      knownBy[sender] = lane;
      known[sender] = from[n];
      isNews[n] = 1;
    }
    return isNews;
  }

  /** Times of each lane in their order: a lane's own order where its clock never went back. */
  #orderByTime() {
    this.byTime = null;
    this.sorted = this.time;
    for (let lane = 0; lane < this.laneCount; lane += 1) {
      const [begin, end] = [this.first[lane], this.first[lane + 1]];
      let isOrdered = true;
      for (let mark = begin + 1; mark < end && isOrdered; mark += 1) isOrdered = this.time[mark - 1] <= this.time[mark];
      if (isOrdered) continue;
      if (!this.byTime) {
        this.byTime = Uint32Array.from({ length: this.count }, (_, mark) => mark);
        this.sorted = this.time.slice();
      }
      const own = Array.from(this.byTime.subarray(begin, end)).sort((a, b) => this.time[a] - this.time[b] || a - b);
      this.byTime.set(own, begin);
      own.forEach((mark, place) => { this.sorted[begin + place] = this.time[mark]; });
    }
  }

  /** The mark at that place in the order of time. */
  at(place) {
    return this.byTime ? this.byTime[place] : place;
  }

  laneOf(mark) {
    return upperBound(this.first, mark, 0, this.first.length) - 1;
  }

  text(mark) {
    return this.reader.decode(this.bytes.subarray(this.textAt[mark], this.textAt[mark + 1]));
  }

  /** Fields, exception and stack of a record; an empty object where it has none. */
  detail(mark) {
    const part = this.bytes.subarray(this.detailAt[mark], this.detailAt[mark + 1]);
    return part.length ? JSON.parse(this.reader.decode(part)) : {};
  }

  /** Level, logger and place in the code; of an event its name stands for the logger. */
  sourceOf(mark) {
    const [level = '', logger = '', site = ''] = this.sources[this.source[mark]] ?? [];
    return { level, logger, site };
  }

  kindName(mark) {
    return this.heading.kinds[this.kind[mark]] ?? 'other';
  }

  id(mark) {
    return `${this.lanes.id[this.laneOf(mark)]}@${this.seq[mark]}`;
  }

  /** The mark of that name, as `id` gives it; null where it is not drawn. */
  markOf(id) {
    const [, lane, seq] = /^(.+)@(\d+)$/.exec(id) ?? [];
    const place = this.laneNamed(lane);
    if (place < 0) return null;
    const mark = lowerBound(this.seq, Number(seq), this.first[place], this.first[place + 1]);
    return mark < this.first[place + 1] && this.seq[mark] === Number(seq) ? mark : null;
  }

  /** The lane of that name, as `id` has it; -1 where there is none. */
  laneNamed(id) {
    this.laneById ??= new Map((this.lanes.id ?? []).map((name, lane) => [name, lane]));
    return this.laneById.get(id) ?? -1;
  }

  nameOf(lane) {
    return this.lanes.name[lane];
  }

  processOf(lane) {
    return this.heading.processes[this.lanes.process[lane]];
  }

  /** Until when a lane is there, as far as that is known. */
  endOf(lane) {
    return this.lanes.end[lane] ?? this.processOf(lane)?.end ?? this.span;
  }
}

/** How many numbers a column has: each ends with a byte below 128. */
function countOf(bytes, [begin, length]) {
  let count = 0;
  for (let at = begin; at < begin + length; at += 1) count += bytes[at] < 0x80 ? 1 : 0;
  return count;
}

/** The first place in [low, high) whose value is above `value`. */
export function upperBound(values, value, low, high) {
  let [from, to] = [low, high];
  while (from < to) {
    const middle = (from + to) >>> 1;
    if (values[middle] <= value) from = middle + 1;
    else to = middle;
  }
  return from;
}

/** The first place in [low, high) whose value is not below `value`. */
export function lowerBound(values, value, low, high) {
  let [from, to] = [low, high];
  while (from < to) {
    const middle = (from + to) >>> 1;
    if (values[middle] < value) from = middle + 1;
    else to = middle;
  }
  return from;
}
