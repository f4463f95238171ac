import { announce, echo, fetchPatiently, keepUp } from '/assets/layout/app.js';

const TICKS_MAX = 60;
const ARROWS = { up: '▲', down: '▼', same: '●' };
// The same size as in page.html.
const [WIDTH, HEIGHT, MARGIN] = [100, 32, 3];

const currency = { style: 'currency', currency: 'EUR' };
const price = new Intl.NumberFormat('en', currency);
const change = new Intl.NumberFormat('en', { ...currency, signDisplay: 'exceptZero' });
const percent = new Intl.NumberFormat('en', { style: 'percent', minimumFractionDigits: 2, signDisplay: 'exceptZero' });
const time = new Intl.DateTimeFormat([], { timeStyle: 'medium' });

const cards = [...document.querySelectorAll('#ticker li')];
const pause = document.getElementById('pause');
/** The last ticks, the oldest first: the charts. */
let ticks = JSON.parse(document.getElementById('ticker').dataset.ticks);

// Whoever subscribes gets the last event of a cache channel, also after each reconnection, before anything is asked for. If
// there is none, because the server has just been started, the answer has the last prices.
const channel = echo.channel('cache-ticker').listen('PricesChanged', heard);
const catchUp = keepUp(channel, async () => add(await fetchPatiently(`/ticker/since?tick=${complete()}`)));

function heard(tick) {
  const before = last();
  add([tick]);
  if (tick.tick > before + 1) {
    catchUp();
  }
}

/** Up to this one none is missing: charts have no holes. */
function complete() {
  const hole = ticks.findIndex(({ tick }, n) => n > 0 && tick !== ticks[n - 1].tick + 1);
  return hole > 0 ? ticks[hole - 1].tick : last();
}

/** Takes ticks to where they belong, whatever comes late or twice. */
function add(more) {
  const known = new Set(ticks.map(({ tick }) => tick));
  const all = [...ticks, ...more.filter(({ tick }) => !known.has(tick))];
  ticks = all.sort((a, b) => a.tick - b.tick).slice(-TICKS_MAX);
  if (all.length > known.size && !isPaused()) {
    draw();
  }
}

function last() {
  return ticks.at(-1)?.tick ?? 0;
}

// Showing it

function draw() {
  for (const card of cards) {
    const prices = ticks.map(({ prices }) => prices[card.dataset.symbol]).filter((cents) => cents !== undefined);
    if (prices.length > 0) {
      drawPrice(card, prices.at(-1), prices.at(-2) ?? prices.at(-1));
      drawChart(card.querySelector('svg'), prices);
    }
  }
  if (ticks.length > 0) {
    const { at } = ticks.at(-1);
    const asOf = document.getElementById('as-of');
    asOf.hidden = false;
    Object.assign(asOf.querySelector('time'), { dateTime: at, textContent: time.format(new Date(at)) });
  }
}

function drawPrice(card, cents, before) {
  const direction = cents > before ? 'up' : cents < before ? 'down' : 'same';
  card.dataset.direction = direction;
  card.querySelector('.price').textContent = price.format(cents / 100);
  const arrow = card.querySelector('.arrow');
  arrow.textContent = ARROWS[direction];
  arrow.ariaLabel = direction;
  const by = `${change.format((cents - before) / 100)} (${percent.format((cents - before) / before)})`;
  card.querySelector('.by').textContent = by;
  // There is no animation for whoever wants none.
  for (const flash of card.getAnimations({ subtree: true })) {
    flash.cancel();
    flash.play();
  }
}

/** A line of the last prices; the newest one is at the right, and there is room at the left for those to come. */
function drawChart(svg, prices) {
  const [low, high] = [Math.min(...prices), Math.max(...prices)];
  const x = (n) => WIDTH - ((prices.length - 1 - n) * WIDTH) / (TICKS_MAX - 1);
  const y = (cents) => HEIGHT - MARGIN - ((cents - low) * (HEIGHT - 2 * MARGIN)) / (high - low || 1);
  const points = prices.map((cents, n) => `${x(n).toFixed(1)},${y(cents).toFixed(1)}`);
  svg.querySelector('polyline').setAttribute('points', points.join(' '));
  svg.querySelector('polygon').setAttribute('points', [`${x(0)},${HEIGHT}`, ...points, `${WIDTH},${HEIGHT}`].join(' '));
  svg.ariaLabel = `The last prices, from ${price.format(low / 100)} to ${price.format(high / 100)}`;
}

// Prices that change all the time are said when somebody asks for them, and stand still when somebody wants to read.

function isPaused() {
  return pause.ariaPressed === 'true';
}

pause.addEventListener('click', () => {
  pause.ariaPressed = String(!isPaused());
  draw();
});

document.getElementById('say').addEventListener('click', () => {
  const text = (card, part) => card.querySelector(part).textContent;
  announce(cards.map((card) => `${text(card, 'h2 span')}: ${text(card, '.price')}, ${text(card, '.by')}`).join('. '));
});

document.getElementById('controls').hidden = false;
draw();
