import { announce, echo, fetchPatiently, fill, keepUp, newDraft } from '/assets/layout/app.js';

const LABELS = { processing: 'Processing', shipped: 'Shipped', 'in-transit': 'In Transit', delivered: 'Delivered' };
const STATUSES = Object.keys(LABELS);
const LISTED_MAX = 100;
const SETTLING_MS = 600;
const euros = new Intl.NumberFormat('en', { style: 'currency', currency: 'EUR' });

const list = document.getElementById('orders');
const history = document.getElementById('history');
const place = document.getElementById('place');

if (list) {
  const channel = echo
    .private(list.dataset.channel)
    // The names of model events stand for themselves, hence the dot.
    .listen('.OrderCreated', ({ model }) => tell(model))
    .listen('.OrderUpdated', ({ model }) => tell(model));
  const catchUp = keepUp(channel, async () => {
    const orders = await fetchPatiently(list.dataset.now);
    const changed = orders.reverse().filter(show);
    if (changed.length > 0) {
      announce(changed.length === 1 ? words(changed[0]) : `${changed.length} orders have changed.`);
    }
  });
  // What a form was answered is what the channel tells all others.
  list.addEventListener('sent', ({ detail }) => tell(detail));
  // Somebody was faster, and the channel has not said so: perhaps it is not connected.
  list.addEventListener('refused', ({ detail: { status } }) => status === 409 && catchUp());
  place?.addEventListener('refused', ({ detail: { status } }) => status === 409 && (newDraft(place), catchUp()));
}

place?.addEventListener('sent', ({ detail }) => {
  tell(detail);
  place.reset();
  newDraft(place);
});

/** Shows an order, and says it to screen readers. */
function tell(order) {
  if (show(order)) {
    announce(words(order));
  }
}

function words(order) {
  return `Order ${order.id}, ${title(order)}: ${LABELS[order.status]}`;
}

/** Shows an order; false if this or a newer state of it is shown already. */
function show(order) {
  const known = list.querySelector(`[data-id="${order.id}"]`);
  // The page of one order shows no other one.
  if (known ? Number(known.dataset.version) >= order.version : history) {
    return false;
  }
  const card = known ?? add(order);
  card.dataset.version = order.version;
  card.querySelector('.status').textContent = LABELS[order.status];
  const present = STATUSES.indexOf(order.status);
  card.querySelectorAll('.steps li').forEach((step, n) => {
    step.classList.toggle('done', n <= present);
    n === present ? step.setAttribute('aria-current', 'step') : step.removeAttribute('aria-current');
  });
  showForm(card.querySelector('form'), order);
  history?.replaceChildren(...order.steps.map((step) => fill('step', { ...step, label: LABELS[step.status] })));
  card.classList.add('changed');
  return true;
}

/** What the staff may do next. */
function showForm(form, { id, version, status }) {
  if (!form) {
    return;
  }
  const next = STATUSES[STATUSES.indexOf(status) + 1];
  const button = form.querySelector('button');
  form.action = `/orders/${id}/status`;
  form.elements.version.value = version;
  form.elements.status.value = next ?? status;
  button.querySelector('span').textContent = LABELS[next] ?? '';
  if (!next && document.activeElement === button) {
    form.closest('.order').querySelector('a')?.focus();
  }
  button.hidden = !next;
  // Who clicks twice, or just when a colleague was faster, did not mean what the button says now.
  form.dataset.settling = '';
  setTimeout(() => delete form.dataset.settling, SETTLING_MS);
}

list?.addEventListener('submit', (event) => {
  if ('settling' in event.target.dataset) {
    event.preventDefault();
    event.stopPropagation();
  }
});

function add(order) {
  const card = fill('order', { ...order, title: title(order), total: euros.format(order.cents / 100), placed_at: order.steps[0].at });
  card.dataset.id = order.id;
  card.querySelector('a').href = `/orders/${order.id}`;
  const older = [...list.children].find(({ dataset }) => Number(dataset.id) < order.id);
  list.insertBefore(card, older ?? null);
  if (list.children.length > LISTED_MAX) {
    const isDone = (it) => it.querySelector('.status').textContent === LABELS.delivered;
    ([...list.children].findLast(isDone) ?? list.lastElementChild).remove();
  }
  document.getElementById('none').hidden = true;
  return card;
}

function title({ quantity, product }) {
  return `${quantity} × ${product}`;
}
