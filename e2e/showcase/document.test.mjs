import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFile, readdir } from 'node:fs/promises';
import { after, test } from 'node:test';
import { promisify } from 'node:util';

import * as Y from 'yjs';

import { startBrowser } from '../support/browser.mjs';
import { Chance } from '../support/chance.mjs';
import { Showcase, connected, crash, forge, goOffline, goOnline, inspect, token } from '../support/showcase.mjs';

const NASTY = '<img src=x onerror="document.title=1">&amp; "quoted" </textarea><b>bold</b>';

const showcase = await Showcase.start();
const browser = await startBrowser();
after(() => Promise.all([browser.close(), showcase.stop()]));

const visit = (t, target, as) => open(showcase.visit(t, browser, target, as));

test('three people type at random for ten seconds, lose their connections, the server is killed: all have one text', async (t) => {
  const chance = new Chance(t);
  const path = await begin(t, 'At random');
  const pages = await Promise.all([visit(t, path, 'Ada Lovelace'), visit(t, path, 'Grace Hopper'), visit(t, path)]);
  const end = Date.now() + 10_000;
  const disconnects = async (page) => {
    while (Date.now() < end) {
      await page.waitForTimeout(500 + chance.below(2000));
      await goOffline(page);
      await page.waitForTimeout(200 + chance.below(1500));
      await goOnline(page);
    }
  };
  const restart = async () => {
    await pages[0].waitForTimeout(4000);
    await showcase.kill();
    await pages[0].waitForTimeout(500);
    await showcase.again();
  };
  let strokes = 0;
  const typing = async (page) => {
    while (Date.now() < end) {
      await stroke(page, chance);
      strokes += 1;
    }
  };
  await Promise.all([restart(), ...pages.flatMap((page) => [typing(page), disconnects(page)])]);

  await Promise.all(pages.map(settled));
  const texts = await same(pages);
  const stored = await inDatabase(path);
  t.diagnostic(`${strokes} strokes, ${stored.version} versions, ${texts[0].length} characters`);
  // That there was something to agree on, also where ten seconds are short.
  assert.ok(strokes > 20 && stored.version > 5 && texts[0].length > 5, `${strokes} ${stored.version} ${texts[0]}`);
  assert.deepEqual(texts, [stored.text, stored.text, stored.text]);
  assert.equal(stored.merged, stored.text);
  assert.doesNotMatch(stored.text, /\uFFFD/);
  // And who comes now, or reads it without a script, sees the same.
  const late = await visit(t, path);
  assert.equal(await text(late), stored.text);
});

test('what one writes appears in the other’s text, and nobody’s caret jumps', async (t) => {
  const path = await begin(t, 'Carets');
  const ada = await visit(t, path, 'Ada Lovelace');
  const grace = await visit(t, path, 'Grace Hopper');
  await field(ada).fill('One two three');
  await has(grace, 'One two three');

  // Grace has selected "two"; Ada writes before, within, after, and at both ends of it.
  await select(grace, 4, 7);
  await insert(ada, 0, '😀\n');
  await has(grace, '😀\nOne two three');
  assert.deepEqual(await selection(grace), [7, 10, 'two']);
  await insert(ada, 16, '!');
  await has(grace, '😀\nOne two three!');
  assert.deepEqual(await selection(grace), [7, 10, 'two']);
  await insert(ada, 8, 'WW');
  await has(grace, '😀\nOne tWWwo three!');
  assert.deepEqual(await selection(grace), [7, 12, 'tWWwo']);
  await insert(ada, 12, 'x');
  await has(grace, '😀\nOne tWWwox three!');
  assert.deepEqual(await selection(grace), [7, 12, 'tWWwo']);

  // A caret stays between the letters where it is, and before what is written there.
  await select(grace, 12, 12);
  await insert(ada, 12, 'y');
  await has(grace, '😀\nOne tWWwoyx three!');
  assert.deepEqual(await selection(grace), [12, 12, '']);
  await insert(ada, 0, '', 3);
  await has(grace, 'One tWWwoyx three!');
  assert.deepEqual(await selection(grace), [9, 9, '']);
  await grace.keyboard.type('-');
  await has(ada, 'One tWWwo-yx three!');

  // Where it is the same letter that was there, the caret of who wrote says which one it is.
  await field(ada).fill('aaaa😀');
  await has(grace, 'aaaa😀');
  await select(grace, 2, 2);
  await insert(ada, 1, 'a');
  await has(grace, 'aaaaa😀');
  assert.deepEqual(await selection(grace), [3, 3, '']);
  await insert(ada, 4, 'a');
  await has(grace, 'aaaaaa😀');
  assert.deepEqual(await selection(grace), [3, 3, '']);
  await insert(ada, 4, '', 1);
  await has(grace, 'aaaaa😀');
  assert.deepEqual(await selection(grace), [3, 3, '']);
  await insert(ada, 1, '', 1);
  await has(grace, 'aaaa😀');
  assert.deepEqual(await selection(grace), [2, 2, '']);
  // Characters that have their first or their second half in common.
  await insert(ada, 4, '😁', 2);
  await has(grace, 'aaaa😁');
  await insert(ada, 4, '\u{1fa01}', 2);
  await has(grace, 'aaaa\u{1fa01}');
  await field(ada).fill('One tWWwo-yx three!');
  await has(grace, 'One tWWwo-yx three!');

  // Each takes back what they have written themselves.
  await select(grace, 9, 9);
  await grace.keyboard.type('+');
  await has(ada, 'One tWWwo+-yx three!');
  await insert(ada, 0, 'Ada: ');
  await has(grace, 'Ada: One tWWwo+-yx three!');
  await grace.keyboard.press('Control+z');
  await has(ada, 'Ada: One tWWwo-yx three!');
  await grace.keyboard.press('Control+y');
  await has(ada, 'Ada: One tWWwo+-yx three!');
  assert.deepEqual([...ada.complaints, ...grace.complaints].filter((it) => !it.startsWith('failed:')), []);
});

test('twenty strokes in a second are no flood', async (t) => {
  const path = await begin(t, 'Fast');
  const ada = await visit(t, path, 'Ada Lovelace');
  const grace = await visit(t, path, 'Grace Hopper');
  const refused = await ada.evaluateHandle(async () => {
    const errors = [];
    const { echo } = await import('/assets/layout/app.js');
    echo.connector.pusher.connection.bind('error', (error) => errors.push(error));
    return errors;
  });
  await field(ada).focus();
  await ada.keyboard.type('x'.repeat(200), { delay: 50 });
  await has(grace, 'x'.repeat(200));
  assert.deepEqual(await refused.jsonValue(), []);
});

test('what is read stays where it is while others write above it', async (t) => {
  const path = await begin(t, 'Scrolling');
  const ada = await visit(t, path, 'Ada Lovelace');
  const grace = await visit(t, path, 'Grace Hopper');
  const lines = Array.from({ length: 100 }, (_, n) => `Line ${n}`).join('\n');
  await field(ada).fill(lines);
  await has(grace, lines);
  await field(grace).evaluate((it) => it.scrollTo(0, 1000));
  const before = await field(grace).evaluate((it) => it.scrollHeight - it.scrollTop);
  await insert(ada, 0, 'First\nSecond\n');
  await has(grace, `First\nSecond\n${lines}`);
  assert.equal(await field(grace).evaluate((it) => it.scrollHeight - it.scrollTop), before);
  assert.ok((await field(grace).evaluate((it) => it.scrollTop)) > 1000);
  await insert(ada, lines.length, 'Last\n');
  await has(grace, /Last\n/);
  assert.ok((await field(grace).evaluate((it) => it.scrollTop)) > 1000);
});

test('what others write while a character is composed does not disturb it', async (t) => {
  const path = await begin(t, 'Composing');
  const ada = await visit(t, path, 'Ada Lovelace');
  const grace = await visit(t, path, 'Grace Hopper');
  await field(grace).click();
  const input = await grace.context().newCDPSession(grace);
  await input.send('Input.imeSetComposition', { text: 'に', selectionStart: 1, selectionEnd: 1 });
  await has(ada, 'に');
  await insert(ada, 0, 'before ');
  await ada.getByText('All saved').waitFor();
  await input.send('Input.imeSetComposition', { text: 'にほ', selectionStart: 2, selectionEnd: 2 });
  await has(ada, 'before にほ');
  assert.equal(await text(grace), 'にほ');
  await input.send('Input.insertText', { text: '日本' });
  await Promise.all([has(ada, 'before 日本'), has(grace, 'before 日本')]);
  await grace.keyboard.type('!');
  await has(ada, 'before 日本!');
});

test('the carets of others have their names and colours, mark what they select, and vanish with them', async (t) => {
  const ada = await visit(t, '/document/1', 'Ada Lovelace');
  const grace = await visit(t, '/document/1', 'Grace Hopper');
  const guest = await visit(t, '/document/1');
  await field(grace).evaluate((it) => it.setSelectionRange(it.value.indexOf('Added'), it.value.indexOf('Added')));
  await field(grace).focus();
  await select(guest, 15, 60);
  const name = (await guest.locator('#who .name').innerText()).trim();
  await carets(ada, ['Grace Hopper', name]);
  await ada.locator('#marks div').first().waitFor({ state: 'attached' });
  // Where the text says, to the pixel: the caret of Grace is at the beginning of its line.
  const at = await ada.locator('.caret', { hasText: 'Grace Hopper' }).boundingBox();
  const sheet = await field(ada).boundingBox();
  assert.ok(Math.abs(at.x - sheet.x - 17) <= 2 && at.y > sheet.y + 60 && at.y < sheet.y + 200, JSON.stringify([at, sheet]));
  for (const person of ['Grace Hopper', name]) {
    const list = ada.locator('#members li', { hasText: person }).locator('.avatar');
    assert.equal(await colour(ada.locator('.caret', { hasText: person })), await colour(list));
  }
  await inspect(ada, 'document');

  // Who comes later sees them, too; a caret that leaves the field is nowhere.
  const late = await visit(t, '/document/1', 'Alan Turing');
  await carets(late, ['Grace Hopper', name]);
  await grace.locator('#who summary').focus();
  await carets(ada, [name]);
  await crash(guest);
  await carets(ada, []);
  await present(ada, ['Ada Lovelace (you)', 'Alan Turing', 'Grace Hopper']);
  await carets(late, []);

  // What Alan writes is in his colour for a moment.
  await insert(late, 0, 'New. ');
  await ada.locator('#marks div').first().waitFor({ state: 'attached' });
  await ada.getByText('Last change: Alan Turing').waitFor();
  await ada.locator('#marks div').first().waitFor({ state: 'detached' });
});

test('whispers that are no carets harm nobody', async (t) => {
  const path = await begin(t, 'Whispers');
  const ada = await visit(t, path, 'Ada Lovelace');
  const grace = await visit(t, path, 'Grace Hopper');
  await grace.evaluate(async (channel) => {
    const { echo } = await import('/assets/layout/app.js');
    for (const caret of [null, 'x', [], [1, 2], [{}, {}], [{ item: { client: 'x', clock: -1 } }, { tname: 'other' }]]) {
      echo.join(channel).whisper('caret', { client: '<b>', caret });
    }
    for (let client = 0; client < 100; client++) {
      echo.join(channel).whisper('caret', { client, caret: [{ tname: 'text' }, { tname: 'text' }] });
    }
  }, `document.${path.split('/')[2]}`);
  await ada.locator('.caret').first().waitFor({ state: 'attached' });
  await insert(grace, 0, 'still here');
  await has(ada, 'still here');
  assert.ok((await ada.locator('.caret').count()) <= 5);
  assert.deepEqual(ada.complaints.filter((it) => !it.startsWith('failed:')), []);
});

test('what is typed without a connection is kept, and saved when there is one', async (t) => {
  const path = await begin(t, 'Offline');
  const ada = await visit(t, path, 'Ada Lovelace');
  const grace = await visit(t, path, 'Grace Hopper');
  await insert(ada, 0, 'Beginning.');
  await has(grace, 'Beginning.');
  await goOffline(ada);
  await insert(ada, 10, ' From Ada.');
  await insert(grace, 0, 'From Grace. ');
  await ada.locator('#saved').getByText('Not saved yet').waitFor();
  assert.equal(await text(ada), 'Beginning. From Ada.');
  await ada.waitForTimeout(20_000);
  assert.equal(await text(grace), 'From Grace. Beginning.');
  await goOnline(ada);
  await connected(ada);
  await Promise.all([ada, grace].map((page) => has(page, 'From Grace. Beginning. From Ada.')));
  await ada.getByText('All saved').waitFor();

  await showcase.kill();
  await ada.getByText('Reconnecting…').waitFor();
  await insert(ada, 0, '1');
  await insert(grace, 0, '2');
  await showcase.again();
  await Promise.all([ada, grace].map(settled));
  const [one, other] = await same([ada, grace]);
  assert.equal(one, other);
  assert.equal((await inDatabase(path)).text, one);
  assert.match(one, /^(12|21)From Grace/);
});

test('who was away for hundreds of versions, or gets a long one, has the whole text', async (t) => {
  const path = await begin(t, 'Long');
  const ada = await visit(t, path, 'Ada Lovelace');
  const late = await visit(t, path, 'Grace Hopper');
  await goOffline(late);
  await late.getByText('Reconnecting…').waitFor();
  const author = await Author.of(ada, path);
  for (let n = 0; n < 210; n++) {
    await author.insert(0, `${n % 10}`);
  }
  await has(ada, /^9876543210/);
  const { updates, version } = await inDatabase(path);
  assert.ok(version >= 210 && updates < 200, `${updates} updates of ${version} versions`);
  await goOnline(late);
  await has(late, await text(ada));
  // A paste that no event can carry.
  const paste = 'ÄÖÜ 😀 paste\n'.repeat(500);
  await select(late, 0, 0);
  await late.keyboard.insertText(paste);
  await has(ada, new RegExp(`^${paste}9876`));
  await select(ada, 0, paste.length);
  await ada.keyboard.press('Delete');
  await has(late, /^98765/);
  assert.equal((await inDatabase(path)).text, await text(late));
});

test('what the server refuses is said, kept for its author, and not in the text', async (t) => {
  const path = await begin(t, 'Too long');
  const ada = await visit(t, path, 'Ada Lovelace');
  const grace = await visit(t, path, 'Grace Hopper');
  // The field itself takes no more than there may be.
  await select(ada, 0, 0);
  await ada.keyboard.insertText('x'.repeat(7_500));
  await has(grace, 'x'.repeat(7_000));
  await field(ada).evaluate((it) => it.removeAttribute('maxlength'));
  await select(ada, 0, 0);
  await ada.keyboard.insertText('mine');
  await ada.getByRole('alert').getByText('The text may have 7000 characters, with this change it would have 7004.').waitFor();
  await has(ada, 'x'.repeat(7_000));
  await ada.getByText('Your text, which was not saved').click();
  assert.match(await ada.getByLabel('Your text, which was not saved').inputValue(), /^minexxx/);
  await inspect(ada, 'document-refused');
  assert.equal(await text(grace), 'x'.repeat(7_000));
  // It goes on.
  await ada.getByText('All saved').waitFor();
  await insert(ada, 0, '', 7_000);
  await has(grace, '');
});

test('HTML is text, and what is not text does not get in', async (t) => {
  const path = await begin(t, NASTY.slice(0, 80));
  const ada = await visit(t, path, 'Ada Lovelace');
  const grace = await visit(t, path, 'Grace Hopper');
  await insert(ada, 0, NASTY);
  await has(grace, NASTY);
  await grace.reload();
  await has(grace, NASTY);
  assert.equal(await grace.getByRole('heading', { level: 1 }).textContent(), NASTY.slice(0, 80));
  // Characters that a field would change, and half of one.
  await field(ada).evaluate((it) => {
    it.setRangeText('\u0000a\u0007b\ud83d', 0, 0, 'end');
    it.dispatchEvent(new InputEvent('input'));
  });
  await has(grace, `ab\ufffd${NASTY}`);
  assert.deepEqual(grace.complaints.filter((it) => !it.startsWith('failed:')), []);
});

test('forged, stale and hostile updates change nothing', async (t) => {
  const path = await begin(t, 'Forged');
  const ada = await visit(t, path, 'Ada Lovelace');
  const grace = await visit(t, path, 'Grace Hopper');
  await insert(ada, 0, 'ours');
  await has(grace, 'ours');
  const url = showcase.url(`${path}/updates`);
  const author = await Author.of(grace, path);
  const doc = new Y.Doc();
  doc.getText('text').insert(0, 'forged');
  assert.equal(await author.send(Y.encodeStateAsUpdate(doc), { Accept: 'application/json' }), 403);
  assert.equal((await forge(grace, url, { update: 'x' })).status(), 403);

  // What builds on a version that is not here.
  const before = Y.encodeStateVector(doc);
  doc.getText('text').insert(6, ' more');
  assert.equal(await author.send(Y.encodeStateAsUpdate(doc, before)), 409);
  // In Ada's name.
  const known = Y.encodeStateVector(author.doc);
  [author.doc.clientID] = Y.decodeStateVector(known).keys();
  author.doc.getText('text').insert(0, 'stolen');
  assert.equal(await author.send(Y.encodeStateAsUpdate(author.doc, known)), 409);
  assert.equal((await grace.request.get(`${url}?after=99`)).status(), 409);
  assert.equal((await grace.request.get(`${url}?after=x`)).status(), 400);

  for (const make of [
    (it) => it.getText('other').insert(0, 'x'),
    (it) => it.getText('text').insert(0, 'x', { bold: true }),
    (it) => it.getText('text').insertEmbed(0, { image: 'x' }),
    (it) => it.getText('text').insertEmbed(0, new Y.Map()),
    (it) => it.getMap('map').set('text', new Y.Doc()),
    (it) => it.getText('text').setAttribute('key', 1),
    (it) => it.getText('text').insert(0, 'a\r\nb'),
  ]) {
    const hostile = new Y.Doc();
    make(hostile);
    assert.equal(await author.send(Y.encodeStateAsUpdate(hostile)), 422, String(make));
  }
  const chance = new Chance(t);
  for (let n = 0; n < 50; n++) {
    const bytes = Array.from({ length: chance.below(200) }, () => chance.below(256));
    assert.equal(await author.send(bytes), 422);
  }
  assert.equal(await author.send(Buffer.alloc(50_000)), 413);
  assert.equal(await author.send(Buffer.alloc(500_000)), 413);
  assert.deepEqual([await text(ada), await text(grace), (await inDatabase(path)).merged], ['ours', 'ours', 'ours']);
  await insert(ada, 4, '!');
  await has(grace, 'ours!');
});

test('without JavaScript it is a form, and a stale version is a conflict in which nothing is lost', async (t) => {
  const path = await begin(t, 'Plain');
  const witness = await visit(t, path, 'Ada Lovelace');
  const context = await browser.newContext({ javaScriptEnabled: false });
  t.after(() => context.close());
  const page = await context.newPage();
  await page.goto(showcase.url(path));
  await field(page).fill('First\nline');
  await page.getByRole('button', { name: 'Save' }).click();
  await has(witness, 'First\nline');
  assert.equal(page.url(), showcase.url(path));
  await insert(witness, 0, 'Meanwhile. ');
  await settled(witness);
  await field(page).fill('<b>stale</b>');
  await page.getByRole('button', { name: 'Save' }).click();
  await page.getByRole('alert').getByText('Somebody has changed the text since you opened this page, so yours was not saved.').waitFor();
  assert.equal(await field(page).inputValue(), 'Meanwhile. First\nline');
  assert.equal(await page.getByLabel('Your text, which was not saved').inputValue(), '<b>stale</b>');
  assert.equal(await text(witness), 'Meanwhile. First\nline');
});

test('earlier versions can be read, and brought back while others write', async (t) => {
  const path = await begin(t, 'History');
  const ada = await visit(t, path, 'Ada Lovelace');
  await insert(ada, 0, NASTY);
  await settled(ada);
  // As if that had been in another minute.
  await python(showcase.database, "db.execute(\"UPDATE document_history SET minute = '2020-02-02T20:20Z' WHERE document_id = ?\", (sys.argv[2],))", path.split('/')[2]);
  await field(ada).fill('Second version');
  await settled(ada);
  const grace = await visit(t, path, 'Grace Hopper');
  await grace.getByRole('link', { name: 'Earlier versions' }).click();
  await grace.getByRole('link', { name: /2020/ }).click();
  assert.equal(await grace.locator('pre.text').textContent(), NASTY);
  await inspect(grace, 'document-history');
  await grace.getByRole('button', { name: 'Make this the text again' }).click();
  await has(ada, NASTY);
  await has(grace, NASTY);
});

test('it works by keyboard, and the list of documents leads to them', async (t) => {
  const guest = await visit(t, '/document');
  await inspect(guest, 'documents');
  await guest.getByRole('link', { name: 'Release notes' }).focus();
  await guest.keyboard.press('Enter');
  await guest.waitForURL(/document\/1$/);
  await open(guest);
  await guest.getByRole('link', { name: 'Earlier versions' }).focus();
  await guest.keyboard.press('Tab');
  await guest.keyboard.press('Control+Home');
  await guest.keyboard.type('By keyboard. ');
  await has(guest, /^By keyboard\. /);
  await settled(guest);
  // Out of the field again.
  await guest.keyboard.press('Tab');
  assert.notEqual(await guest.evaluate(() => document.activeElement.id), 'text');
});

test('Yjs is served as npm has it', async () => {
  const vendor = new URL('../../showcase/vendor/', import.meta.url);
  const files = await readdir(new URL('lib0/', vendor), { recursive: true });
  const scripts = files.filter((name) => name.endsWith('.js')).map((name) => [`lib0/${name}`, `lib0/${name}`]);
  assert.ok(scripts.length > 20);
  for (const [served, published] of [['yjs/yjs.mjs', 'yjs/dist/yjs.mjs'], ...scripts]) {
    const response = await fetch(showcase.url(`/assets/vendor/${served}`));
    assert.equal(await response.text(), await readFile(new URL(`../node_modules/${published}`, import.meta.url), 'utf8'), served);
  }
});

/** Begins a document and answers its path. */
async function begin(t, title) {
  const page = await showcase.visit(t, browser, '/document', 'Margaret Hamilton');
  await page.getByLabel('Title').fill(title);
  await Promise.all([page.waitForURL(/document\/\d+$/), page.getByRole('button', { name: 'Begin' }).click()]);
  const { pathname } = new URL(page.url());
  await page.context().close();
  return pathname;
}

/** Waits until the text of a page can be edited. */
async function open(page) {
  const it = await page;
  await it.waitForFunction(() => document.getElementById('text')?.readOnly !== true);
  return it;
}

function field(page) {
  return page.locator('#text');
}

function text(page) {
  return field(page).inputValue();
}

/** Waits until the text of a page is this. */
function has(page, expected) {
  const [source, flags] = expected instanceof RegExp ? [expected.source, `${expected.flags}u`] : [expected, null];
  return page.waitForFunction(
    ([source, flags]) => {
      // Nothing, while a page is loading.
      const value = document.getElementById('text')?.value;
      return flags === null ? value === source : new RegExp(source, flags).test(value);
    },
    [source, flags],
  );
}

async function select(page, start, end) {
  await field(page).focus();
  await field(page).evaluate((it, [from, to]) => it.setSelectionRange(from, to), [start, end]);
}

function selection(page) {
  return field(page).evaluate((it) => [it.selectionStart, it.selectionEnd, it.value.slice(it.selectionStart, it.selectionEnd)]);
}

/** Types at a place, in the place of what is there. */
async function insert(page, at, string, removed = 0) {
  await select(page, at, at + removed);
  await (string ? page.keyboard.insertText(string) : page.keyboard.press('Delete'));
}

/** Does something of what people do in a text. */
async function stroke(page, chance) {
  const pick = (list) => list[chance.below(list.length)];
  switch (chance.below(8)) {
    case 0:
      return page.keyboard.press(pick(['Backspace', 'Delete', 'Control+Backspace']));
    case 1:
      return page.keyboard.press(pick(['Enter', 'ArrowLeft', 'Shift+ArrowRight', 'Home', 'Shift+Control+ArrowLeft']));
    case 2:
      return page.keyboard.insertText(pick(['😀', '👩‍🚀', 'é', 'several words at once\nand a line', 'עברית']));
    case 3:
      return page.keyboard.press(pick(['Control+z', 'Control+y']));
    case 4: {
      const length = (await text(page)).length + 1;
      const [start, size] = [chance.below(length), chance.below(6)];
      return select(page, start, Math.min(start + size, length));
    }
    default:
      return page.keyboard.type(pick(['a', 'bc', 'def', ' ', 'ooo']));
  }
}

/** Waits until a page is connected, has saved everything, and has seen every version. */
async function settled(page) {
  await connected(page);
  await page.waitForFunction(() => document.getElementById('saved').textContent === 'All saved');
}

/** Waits until pages have the same text, and answers it, of each. */
async function same(pages) {
  for (let n = 0; ; n++) {
    const texts = await Promise.all(pages.map(text));
    if (new Set(texts).size === 1 || n === 100) {
      return texts;
    }
    await pages[0].waitForTimeout(200);
  }
}

function present(page, names) {
  return page.waitForFunction((expected) => {
    const shown = [...document.querySelectorAll('#members li')].map((item) => item.textContent.trim());
    return JSON.stringify(shown) === expected;
  }, JSON.stringify(names));
}

/** Waits until these carets are shown; not so long that they are only because carets are repeated and forgotten. */
function carets(page, names) {
  return page.waitForFunction(
    (expected) => {
      const shown = [...document.querySelectorAll('.caret')].map((item) => item.textContent).sort();
      return JSON.stringify(shown) === expected;
    },
    JSON.stringify(names.toSorted()),
    { timeout: 15_000 },
  );
}

function colour(element) {
  return element.evaluate((it) => getComputedStyle(it).backgroundColor);
}

/** Yjs without a page, in the name of whom a page belongs to. */
class Author {
  doc = new Y.Doc();

  static async of(page, path) {
    const author = new Author();
    author.page = page;
    author.url = showcase.url(`${path}/updates`);
    author.headers = { 'X-CSRF-Token': await token(page), Accept: 'application/json' };
    const { updates } = await (await page.request.get(`${author.url}?after=-1`)).json();
    updates.forEach((update) => Y.applyUpdate(author.doc, Buffer.from(update, 'base64')));
    return author;
  }

  async insert(at, string) {
    const before = Y.encodeStateVector(this.doc);
    this.doc.getText('text').insert(at, string);
    assert.equal(await this.send(Y.encodeStateAsUpdate(this.doc, before)), 200);
  }

  async send(update, headers = this.headers) {
    const answer = await this.page.request.post(this.url, { data: Buffer.from(update), headers });
    return answer.status();
  }
}

/** What the database has of a document: its text, and what Yjs makes of the state and the updates in it. */
async function inDatabase(path) {
  const rows = await python(
    showcase.database,
    `
version, text, snapshot = db.execute("SELECT version, text, hex(snapshot) FROM document_documents WHERE id = ?", (sys.argv[2],)).fetchone()
updates = [row[0] for row in db.execute("SELECT hex(bytes) FROM document_updates WHERE document_id = ? ORDER BY version", (sys.argv[2],))]
print(json.dumps({"version": version, "text": text, "snapshot": snapshot, "updates": updates}))`,
    path.split('/')[2],
  );
  const { version, text, snapshot, updates } = JSON.parse(rows);
  const doc = new Y.Doc();
  [snapshot, ...updates].forEach((hex) => Y.applyUpdate(doc, Buffer.from(hex, 'hex')));
  return { version, text, updates: updates.length, merged: doc.getText('text').toString() };
}

async function python(database, script, ...values) {
  // Python’s SQLite may be older than the application’s: what it can’t read of the tables of other pages, it is to leave out.
  const open = 'db = sqlite3.connect(sys.argv[1])\ndb.execute("PRAGMA writable_schema = ON")';
  const program = `import json, sqlite3, sys\n${open}\n${script}\ndb.commit()`;
  const { stdout } = await promisify(execFile)('python3', ['-c', program, database, ...values], { maxBuffer: 2 ** 26 });
  return stdout;
}
