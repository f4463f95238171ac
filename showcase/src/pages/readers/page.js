import { announce, echo, fetchPatiently, fill, paint, visitor } from '/assets/layout/app.js';

/** More people than this are shown as a number. */
const MEMBERS_SHOWN = 24;

const article = Number(location.pathname.split('/')[2]);
article ? showArticle() : showList();

/** Puts an article's figures where they belong, unless newer ones are there. */
function showFigures({ article, version, likes, comments }) {
  const place = document.querySelector(`[data-article="${article}"]`);
  if (!place || version <= place.dataset.version) {
    return;
  }
  place.dataset.version = version;
  place.querySelector('[data-likes]').textContent = likes;
  place.querySelector('[data-comments]').textContent = comments;
}

// The list: one public channel, whatever the number of articles

function showList() {
  let heard = 0;
  echo
    .channel('readers')
    .listen('ArticleChanged', showFigures)
    .listen('ReadersChanged', ({ readers }) => {
      heard += 1;
      showReaders(readers);
    })
    // Also after each reconnection.
    .subscribed(async () => {
      const before = heard;
      const { articles, readers } = await fetchPatiently('/readers/now');
      articles.forEach(showFigures);
      // What was heard meanwhile is newer, or something newer follows.
      if (readers && heard === before) {
        showReaders(readers);
      }
    });
}

function showReaders(readers) {
  for (const item of document.querySelectorAll('#articles > [data-article]')) {
    const count = readers[item.dataset.article] ?? 0;
    item.querySelector('[data-readers]').textContent = count;
    item.querySelector('.live').classList.toggle('some', count > 0);
  }
}

// An article: who is in its presence channel reads it

function showArticle() {
  const comments = document.getElementById('comments');
  const write = document.getElementById('write');
  const like = document.getElementById('like');
  let here = [];

  echo
    .join(`readers.${article}`)
    .subscribed(async () => {
      const last = comments.lastElementChild?.dataset.id ?? 0;
      const news = await fetchPatiently(`/readers/${article}/news?after=${last}`);
      news.comments.forEach(showComment);
      showFigures(news.figures);
    })
    .here((all) => showMembers(all))
    .joining((member) => showMembers([...here, member]))
    .leaving((member) => showMembers(here.filter(({ key }) => key !== member.key)))
    .listen('ArticleChanged', showFigures)
    .listen('CommentAdded', (comment) => {
      showComment(comment);
      announce(`${comment.name}: ${comment.text}`);
    });

  like.addEventListener('sent', ({ detail: figures }) => {
    const button = like.querySelector('button');
    const likes = button.value === 'true';
    button.ariaPressed = likes;
    button.value = !likes;
    showFigures(figures);
  });

  write.addEventListener('sent', ({ detail: comment }) => {
    showComment(comment);
    write.elements.text.value = '';
    write.elements.draft.value = `${Date.now().toString(36)}-${Math.random().toString(36).slice(2)}`;
    announce('Your comment is there.');
  });

  function showComment(comment) {
    if (document.getElementById(`comment-${comment.id}`)) {
      return;
    }
    const item = fill('comment', comment);
    item.id = `comment-${comment.id}`;
    item.dataset.id = comment.id;
    paint(item.querySelector('.avatar'), comment.author, comment.name);
    const before = [...comments.children].findLast(({ dataset }) => Number(dataset.id) < comment.id);
    before ? before.after(item) : comments.prepend(item);
  }

  function showMembers(all) {
    here = [...new Map(all.map((member) => [member.key, member])).values()];
    here.sort((a, b) => a.name.localeCompare(b.name));
    const items = here.slice(0, MEMBERS_SHOWN).map((member) => {
      const item = fill('member', { name: member.key === visitor ? `${member.name} (you)` : member.name });
      paint(item.querySelector('.avatar'), member.key, member.name);
      return item;
    });
    document.getElementById('members').replaceChildren(...items);
    const others = document.getElementById('others');
    others.hidden = here.length <= MEMBERS_SHOWN;
    others.textContent = `and ${here.length - MEMBERS_SHOWN} more`;
    document.querySelector('.here [data-readers]').textContent = here.length;
  }
}
