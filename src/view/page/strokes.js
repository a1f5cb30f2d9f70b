// What the picture is drawn with: words cut to their room, crosses, hatching, bowed arrows. Knows colours and pixels, no runs.

export const FONT = '"Inter", system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif';

export function cross(pen, x, y, colour) {
  pen.strokeStyle = colour;
  pen.lineWidth = 2.5;
  pen.beginPath();
  pen.moveTo(x - 5, y - 5);
  pen.lineTo(x + 5, y + 5);
  pen.moveTo(x + 5, y - 5);
  pen.lineTo(x - 5, y + 5);
  pen.stroke();
}

export function hatch(pen, x, y, wide, high, colour) {
  pen.save();
  pen.beginPath();
  pen.rect(x, y, wide, high);
  pen.clip();
  pen.strokeStyle = colour;
  pen.globalAlpha = 0.35;
  pen.lineWidth = 1;
  pen.beginPath();
  for (let at = x - high - (x % 7); at < x + wide; at += 7) {
    pen.moveTo(at, y + high);
    pen.lineTo(at + high, y);
  }
  pen.stroke();
  pen.restore();
}

/** Text in one line, cut to a width. */
export function words(pen, state, text, x, y, wide, colour, size, ground = state.colours.ground) {
  const font = `${size}px ${FONT}`;
  const shown = cutTo(pen, font, text.split('\n', 1)[0], wide);
  pen.font = font;
  pen.textBaseline = 'middle';
  // A rim in the colour behind it: arrows may cross.
  pen.strokeStyle = ground;
  pen.lineWidth = 3;
  pen.lineJoin = 'round';
  pen.strokeText(shown, x, y);
  pen.fillStyle = colour;
  pen.fillText(shown, x, y);
}

/** How wide texts are, by font: measuring is most of what a frame with many words costs. */
const WIDTHS = new Map();
const MOST_WIDTHS = 20_000;

function widthOf(pen, font, text) {
  let known = WIDTHS.get(font);
  if (!known || known.size > MOST_WIDTHS) WIDTHS.set(font, known = new Map());
  let wide = known.get(text);
  if (wide === undefined) {
    pen.font = font;
    wide = pen.measureText(text).width;
    known.set(text, wide);
  }
  return wide;
}

/** The text, or as much of it as there is room for. */
export function cutTo(pen, font, text, wide) {
  let shown = text.slice(0, Math.ceil(wide / 3));
  if (shown.length === text.length && widthOf(pen, font, shown) <= wide) return shown;
  while (shown.length > 1 && widthOf(pen, font, `${shown}…`) > wide) {
    shown = shown.slice(0, Math.min(shown.length - 1, Math.floor((shown.length * wide) / widthOf(pen, font, shown))));
  }
  return shown.length > 1 ? `${shown}…` : '';
}

/** Farther away than this nothing is seen of a curve, px; the dashes of one that is a million pixels long would take minutes. */
const FAR = { left: -400, right: 5000 };

/** A curve with a head, from a point to another one. */
export function bow(pen, begin, y1, end, y2, { colour, width, dash, alpha }) {
  if (y1 === null || y2 === null) return;
  const [x1, x2] = [begin, end].map((x) => Math.max(FAR.left, Math.min(x, FAR.right)));
  const bend = Math.min(60, Math.max(10, Math.abs(x2 - x1) / 2));
  pen.globalAlpha = alpha;
  pen.strokeStyle = colour;
  pen.lineWidth = width;
  pen.setLineDash(dash);
  pen.beginPath();
  pen.moveTo(x1, y1);
  pen.bezierCurveTo(x1 + bend, y1, x2 - bend, y2, x2 - 3, y2);
  pen.stroke();
  pen.setLineDash([]);
  pen.fillStyle = colour;
  pen.beginPath();
  pen.moveTo(x2 - 2, y2);
  pen.lineTo(x2 - 9, y2 - 3.5);
  pen.lineTo(x2 - 9, y2 + 3.5);
  pen.fill();
  pen.globalAlpha = 1;
}
