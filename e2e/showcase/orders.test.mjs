import assert from 'node:assert/strict';
import { after, test } from 'node:test';

import { startBrowser } from '../support/browser.mjs';
import { Showcase, connected, crash, forge, inspect, pluggable, signIn, token } from '../support/showcase.mjs';

const NASTY = '<img src=x onerror="document.title=1">&amp; "quoted" 😀 عربى';

const showcase = await Showcase.start();
const browser = await startBrowser();
after(() => Promise.all([browser.close(), showcase.stop()]));

const visit = (t, target, as) => showcase.visit(t, browser, target, as);

test('the customer’s pages follow what the staff does, and nobody else’s', async (t) => {
  const [ada, alan, grace, margaret] = await Promise.all([
    visit(t, '/orders', 'Ada Lovelace'),
    visit(t, '/orders', 'Alan Turing'),
    visit(t, '/orders', 'Grace Hopper'),
    visit(t, '/orders', 'Margaret Hamilton'),
  ]);
  const heard = framesOf(alan);
  await alan.reload();
  await connected(alan);
  const id = await order(ada, { quantity: 3 });
  for (const page of [grace, margaret]) {
    await status(page, id, 'Processing');
    await card(page, id).getByText('Ada Lovelace').waitFor();
  }
  // On other pages of the customer it is a notification, which is one for nobody else.
  const elsewhere = await ada.context().newPage();
  await elsewhere.goto(showcase.url('/poll'));
  await connected(elsewhere);
  const toast = elsewhere.locator('#toasts').getByText(`Your order ${id}, 3 × Box of punched cards: Shipped`).waitFor();
  await Promise.all([toast, set(grace, id, 'Shipped')]);
  await status(ada, id, 'Shipped', 2);
  for (const page of [alan, grace, margaret]) {
    assert.equal(await page.locator('#toasts li').count(), 0);
  }

  await ada.goto(showcase.url(`/orders/${id}`));
  await connected(ada);
  for (const [page, to, version] of [[margaret, 'In Transit', 3], [grace, 'Delivered', 4]]) {
    await set(page, id, to);
    for (const other of [ada, grace, margaret]) {
      await status(other, id, to, version);
    }
  }
  await history(ada, ['Processing by Ada Lovelace', 'Shipped by Grace Hopper', 'In Transit by Margaret Hamilton', 'Delivered by Grace Hopper']);
  assert.equal(await card(grace, id).getByRole('button').isVisible(), false);

  // Who comes now sees the present state, and a stranger nothing of it.
  const late = await visit(t, `/orders/${id}`, 'Ada Lovelace');
  await status(late, id, 'Delivered', 4);
  assert.equal(await card(alan, id).count(), 0);
  assert.ok(heard.some((frame) => frame.includes('subscription_succeeded')), heard.join('\n'));
  assert.deepEqual(heard.filter((frame) => frame.includes('Ada')), []);
  for (const page of [ada, alan, grace, margaret]) {
    assert.deepEqual(page.complaints.filter((complaint) => !complaint.startsWith('failed:')), []);
  }
});

test('it looks well', async (t) => {
  const guest = await visit(t, '/orders');
  await inspect(guest, 'orders-guest');
  const ada = await visit(t, '/orders', 'Ada Lovelace');
  const grace = await visit(t, '/orders', 'Grace Hopper');
  const id = await order(ada, { note: 'Please leave it with the engine.' });
  await set(grace, id, 'Shipped');
  await set(grace, id, 'In Transit');
  await status(ada, id, 'In Transit');
  await inspect(ada, 'orders');
  await inspect(grace, 'orders-staff');
  await ada.goto(showcase.url(`/orders/${id}`));
  await inspect(ada, 'order');
});

test('of two at once the second is told what happened, and sees it', async (t) => {
  const ada = await visit(t, '/orders', 'Ada Lovelace');
  const id = await order(ada);
  const grace = await visit(t, '/orders', 'Grace Hopper');
  // Hers hears nothing: it never gets through to the server.
  const margaret = await visit(t, '/', 'Margaret Hamilton');
  await margaret.routeWebSocket(/\/app\//, () => {});
  await margaret.goto(showcase.url('/orders'));

  await set(grace, id, 'Shipped');
  await status(margaret, id, 'Processing');
  await card(margaret, id).getByRole('button').click();
  await card(margaret, id).getByRole('alert').getByText('Grace Hopper has set this order to Shipped meanwhile.').waitFor();
  await status(margaret, id, 'Shipped', 2);
  await set(margaret, id, 'In Transit');
  await status(ada, id, 'In Transit', 3);

  // Really at once.
  const url = showcase.url(`/orders/${id}/status`);
  const answers = await Promise.all(
    [grace, margaret, grace, margaret].map(async (page) =>
      forge(page, url, { status: 'delivered', version: '3', _token: await token(page) }),
    ),
  );
  // One's own form twice is no conflict.
  assert.deepEqual(answers.map((answer) => answer.status()).sort(), [200, 200, 409, 409]);
  await history(await visit(t, `/orders/${id}`, 'Ada Lovelace'), [/Processing/, /Shipped/, /In Transit/, /Delivered/]);
});

test('a double click is one step', async (t) => {
  const ada = await visit(t, '/orders', 'Ada Lovelace');
  const id = await order(ada);
  const grace = await visit(t, '/orders', 'Grace Hopper');
  const button = card(grace, id).getByRole('button');
  await button.click();
  await card(grace, id).getByText('Set to In Transit').click();
  await status(grace, id, 'Shipped', 2);
  await set(grace, id, 'In Transit');
  await status(ada, id, 'In Transit', 3);
});

test('what comes late or twice changes nothing', async (t) => {
  const frames = [];
  let replay;
  const ada = await visit(t, '/', 'Ada Lovelace');
  await ada.routeWebSocket(/\/app\//, (socket) => {
    replay = (frame) => socket.send(frame);
    const server = socket.connectToServer();
    server.onMessage((frame) => {
      frames.push(frame);
      socket.send(frame);
    });
  });
  await ada.goto(showcase.url('/orders'));
  const id = await order(ada);
  const grace = await visit(t, '/orders', 'Grace Hopper');
  await set(grace, id, 'Shipped');
  await status(ada, id, 'Shipped', 2);
  await set(grace, id, 'In Transit');
  await status(ada, id, 'In Transit', 3);
  const shipped = frames.find((frame) => frame.includes('OrderUpdated') && frame.includes('shipped'));
  for (const frame of [shipped, frames.at(-1), shipped]) {
    replay(frame);
  }
  // What follows them on the channel has come after them.
  const next = await order(await visit(t, '/orders', 'Ada Lovelace'));
  await card(ada, next).waitFor();
  await status(ada, id, 'In Transit', 3);
  assert.equal(await card(ada, id).count(), 1);
});

test('every page comes back after the server was killed, and nothing is lost or doubled', async (t) => {
  const ada = await visit(t, '/orders', 'Ada Lovelace');
  const grace = await visit(t, '/orders', 'Grace Hopper');
  const gone = await visit(t, '/orders', 'Grace Hopper');
  const id = await order(ada);
  await status(grace, id, 'Processing');
  await crash(gone);
  await showcase.kill();
  await ada.getByText('Reconnecting…').waitFor();
  await ada.getByLabel('Note').fill('meanwhile');
  await ada.getByRole('button', { name: 'Order', exact: true }).click();
  await ada.getByRole('alert').waitFor();
  await showcase.again();
  await ada.getByRole('button', { name: 'Order', exact: true }).click();
  await ada.locator('.order').getByText('meanwhile').waitFor();
  await set(grace, id, 'Shipped');
  await Promise.all([connected(ada), connected(grace)]);
  await status(ada, id, 'Shipped', 2);
  await grace.locator('.order').getByText('meanwhile').waitFor();
  assert.equal(await grace.locator('.order').filter({ hasText: 'meanwhile' }).count(), 1);
  await set(grace, id, 'In Transit');
  await status(ada, id, 'In Transit', 3);
});

test('a page that was offline has missed nothing', async (t) => {
  const ada = await visit(t, '/orders', 'Ada Lovelace');
  const grace = await visit(t, '/orders', 'Grace Hopper');
  const id = await order(ada);
  await ada.goto(showcase.url(`/orders/${id}`));
  const line = await pluggable(ada);
  await line.unplug();
  await ada.getByText('Reconnecting…').waitFor();
  await set(grace, id, 'Shipped');
  await ada.waitForTimeout(20_000);
  await set(grace, id, 'In Transit');
  await status(ada, id, 'Processing', 1);
  await line.plug();
  await connected(ada);
  await status(ada, id, 'In Transit', 3);
  await history(ada, [/Processing/, /Shipped/, /In Transit/]);
  await set(grace, id, 'Delivered');
  await status(ada, id, 'Delivered', 4);
});

test('HTML is shown as text, and what can’t be ordered is refused with a message', async (t) => {
  const ada = await visit(t, '/orders', 'Ada Lovelace');
  const grace = await visit(t, '/orders', 'Grace Hopper');
  const id = await order(ada, { note: NASTY });
  for (const page of [ada, grace]) {
    await card(page, id).getByText(NASTY).waitFor();
    await page.goto(showcase.url(`/orders/${id}`));
    await card(page, id).getByText(NASTY).waitFor();
    assert.deepEqual(page.complaints.filter((complaint) => !complaint.startsWith('failed:')), []);
  }
  await ada.goto(showcase.url('/orders'));
  await ada.locator('#place').evaluate((form) => (form.noValidate = true));
  await ada.getByLabel('Note').evaluate((field) => field.removeAttribute('maxlength'));
  for (const [label, value, problem] of [
    ['Note', 'x'.repeat(141), 'A note may have 140 characters, this one has 141.'],
    ['Quantity', '11', 'You can order 1 to 10 of a thing.'],
    ['Quantity', '', 'Something is missing in this form.'],
  ]) {
    await ada.getByLabel(label).fill(value);
    await ada.getByRole('button', { name: 'Order', exact: true }).click();
    await ada.getByRole('alert').getByText(problem).waitFor();
    assert.equal(await ada.getByLabel(label).inputValue(), value);
    await ada.getByLabel(label).fill(label === 'Note' ? '' : '1');
  }
});

test('other people’s orders are not there, their channels are closed, and forged forms change nothing', async (t) => {
  const ada = await visit(t, '/orders', 'Ada Lovelace');
  const id = await order(ada);
  const change = { status: 'shipped', version: '1' };
  const stranger = await visit(t, '/orders', 'Alan Turing');
  const guest = await visit(t, '/orders');
  const ask = async (page, channel_name) =>
    (await forge(page, showcase.url('/broadcasting/auth'), { channel_name, socket_id: '1.2' })).status();
  for (const page of [stranger, guest]) {
    for (const path of [`/orders/${id}`, `/orders/${id}/now`]) {
      assert.equal((await page.request.get(showcase.url(path))).status(), 404);
    }
    assert.equal(await ask(page, 'private-orders.1'), 403);
    assert.equal(await ask(page, 'private-orders.staff'), 403);
  }
  assert.equal(await ask(ada, 'private-orders.1'), 200);
  const url = showcase.url(`/orders/${id}/status`);
  const grace = await visit(t, '/orders', 'Grace Hopper');
  for (const [page, fields, expected] of [
    [stranger, { ...change, _token: await token(stranger) }, 404],
    [ada, { ...change, _token: await token(ada) }, 404],
    [guest, { ...change, _token: await token(guest) }, 401],
    [grace, change, 403],
    [grace, { ...change, _token: await token(ada) }, 403],
    [grace, { ...change, status: '<b>', _token: await token(grace) }, 422],
    [grace, { ...change, status: 'delivered', _token: await token(grace) }, 422],
    [grace, { ...change, status: 'processing', _token: await token(grace) }, 200],
  ]) {
    assert.equal((await forge(page, url, fields)).status(), expected, JSON.stringify(fields));
  }
  await status(ada, id, 'Processing', 1);
  await grace.reload();
  await status(grace, id, 'Processing', 1);
});

test('without JavaScript it is a form', async (t) => {
  const witness = await visit(t, '/orders', 'Ada Lovelace');
  const open = async (as) => {
    const context = await browser.newContext({ javaScriptEnabled: false });
    t.after(() => context.close());
    const page = await context.newPage();
    await page.goto(showcase.url('/orders'));
    await signIn(page, as);
    return page;
  };
  const [ada, grace, margaret] = await Promise.all(['Ada Lovelace', 'Grace Hopper', 'Margaret Hamilton'].map(open));
  await ada.getByLabel('Note').fill('plain');
  await ada.getByRole('button', { name: 'Order', exact: true }).click();
  await witness.locator('.order').getByText('plain').waitFor();
  const id = await witness.locator('.order').first().getAttribute('data-id');
  await Promise.all([grace, margaret].map((page) => page.goto(showcase.url(`/orders/${id}`))));
  await grace.getByRole('button', { name: 'Set to Shipped' }).click();
  await status(witness, id, 'Shipped', 2);
  await grace.getByText('In Transit', { exact: true }).first().waitFor();
  await margaret.getByRole('button', { name: 'Set to Shipped' }).click();
  await margaret.getByRole('alert').getByText('Grace Hopper has set this order to Shipped meanwhile.').waitFor();
  await margaret.getByRole('button', { name: 'Set to In Transit' }).waitFor();
});

/** Orders something, and answers the id. */
async function order(page, { quantity = 1, note = '' } = {}) {
  const newest = Number(await page.locator('.order').first().getAttribute('data-id'));
  await page.getByLabel('Quantity').fill(String(quantity));
  await page.getByLabel('Note').fill(note);
  await page.getByRole('button', { name: 'Order', exact: true }).click();
  const handle = await page.waitForFunction((before) => {
    const id = Number(document.querySelector('.order')?.dataset.id);
    return id > before && id;
  }, newest);
  return handle.jsonValue();
}

/** Takes the next step of an order, as soon as its button has settled. */
async function set(page, id, label) {
  await card(page, id).locator('form:not([data-settling])').getByRole('button', { name: `Set to ${label}` }).click();
  await status(page, id, label);
}

function card(page, id) {
  return page.locator(`.order[data-id="${id}"]`);
}

/** Waits until the page shows this. */
async function status(page, id, label, version) {
  const which = version ? `[data-version="${version}"]` : '';
  await page.locator(`.order[data-id="${id}"]${which} .status`).getByText(label, { exact: true }).waitFor();
  await card(page, id).locator('[aria-current="step"]').getByText(label, { exact: true }).waitFor();
}

/** What the page of an order says that happened, in this order. */
async function history(page, expected) {
  await page.locator('#history li').nth(expected.length - 1).waitFor();
  const lines = (await page.locator('#history li').allTextContents()).map((line) => line.trim().replace(/\s+/g, ' '));
  assert.equal(lines.length, expected.length);
  lines.forEach((line, n) => assert.ok(expected[n].test?.(line) ?? line.endsWith(expected[n]), line));
}

/** All that comes to a page from the server, from its next connection on. */
function framesOf(page) {
  const frames = [];
  page.on('websocket', (socket) => socket.on('framereceived', ({ payload }) => frames.push(String(payload))));
  return frames;
}
