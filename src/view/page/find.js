// Searching: which records hold all the words, in their text, fields, level, logger, place or lane.
//
// A million records are searched in blocks, with the page drawn in between.

import { upperBound } from './data.js';

const BLOCK = 1 << 16;
/** For so long the page stands still at most, ms. */
const SLICE = 12;

/** Marks that hold every word, in the order of time. `isWanted` ends a search that nobody waits for any more. */
export async function find(run, text, isWanted) {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  if (!words.length) return [];
  let all = null;
  for (const word of words) {
    const found = new Uint8Array(run.count);
    findInSources(run, word, found);
    findInLanes(run, word, found);
    if (!(await findInTexts(run, run.textAt, word, found, isWanted))) return null;
    if (!(await findInTexts(run, run.detailAt, word, found, isWanted))) return null;
    if (all) for (let mark = 0; mark < run.count; mark += 1) all[mark] &= found[mark];
    else all = found;
  }
  const marks = [];
  for (let mark = 0; mark < run.count; mark += 1) if (all[mark]) marks.push(mark);
  return marks.sort((a, b) => run.time[a] - run.time[b] || a - b);
}

function findInSources(run, word, found) {
  const hits = run.sources.map((source) => source.join(' ').toLowerCase().includes(word));
  if (!hits.includes(true)) return;
  for (let mark = 0; mark < run.count; mark += 1) if (hits[run.source[mark]]) found[mark] = 1;
}

function findInLanes(run, word, found) {
  for (let lane = 0; lane < run.laneCount; lane += 1) {
    if (`${run.lanes.name[lane]} ${run.lanes.id[lane]}`.toLowerCase().includes(word)) found.fill(1, run.first[lane], run.first[lane + 1]);
  }
  // A whole id is that record alone.
  const id = /^(.+)@(\d+)$/.exec(word);
  const lane = id ? run.laneNamed(id[1]) : -1;
  for (let mark = run.first[lane] ?? 0; lane >= 0 && mark < run.first[lane + 1]; mark += 1) {
    if (run.seq[mark] === Number(id[2])) found[mark] = 1;
  }
}

async function findInTexts(run, places, word, found, isWanted) {
  const isPlain = /^[\x00-\x7f]*$/.test(word);
  let slice = performance.now();
  for (let mark = 0; mark < run.count;) {
    let end = upperBound(places, places[mark] + BLOCK, mark, run.count + 1) - 1;
    end = Math.max(end, mark + 1);
    const bytes = run.bytes.subarray(places[mark], places[end]);
    const block = run.reader.decode(bytes);
    // Where each character is one byte, places in the text are places in the bytes.
    if (block.length === bytes.length && isPlain) findInBlock(block.toLowerCase(), places, mark, end, word, found);
    else findOneByOne(run, places, mark, end, word, found);
    mark = end;
    if (performance.now() - slice > SLICE) {
      await new Promise((resume) => { setTimeout(resume); });
      if (!isWanted()) return false;
      slice = performance.now();
    }
  }
  return true;
}

function findInBlock(block, places, first, end, word, found) {
  for (let at = block.indexOf(word); at >= 0;) {
    const begin = places[first] + at;
    const mark = upperBound(places, begin, first, end + 1) - 1;
    if (begin + word.length <= places[mark + 1]) found[mark] = 1;
    at = block.indexOf(word, at + 1);
  }
}

function findOneByOne(run, places, first, end, word, found) {
  for (let mark = first; mark < end; mark += 1) {
    if (places[mark] === places[mark + 1]) continue;
    const text = run.reader.decode(run.bytes.subarray(places[mark], places[mark + 1]));
    if (text.toLowerCase().includes(word)) found[mark] = 1;
  }
}
