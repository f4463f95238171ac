import { announce, echo, fetchPatiently, fill, insertById, keepUp, memberItems, newDraft, paint } from '/assets/layout/app.js';

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
  const channel = echo
    .channel('readers')
    .listen('ArticleChanged', showFigures)
    .listen('ReadersChanged', ({ readers }) => {
      heard += 1;
      showReaders(readers);
    });
  keepUp(channel, async () => {
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
  /** Up to this one none is missing. Of later ones that are shown an earlier one may be on its way, or lost. */
  let complete = comments.lastElementChild?.dataset.id ?? 0;
  let here = [];

  const channel = echo
    .join(`readers.${article}`)
    .here((all) => showMembers(all))
    .joining((member) => showMembers([...here, member]))
    .leaving((member) => showMembers(here.filter(({ key }) => key !== member.key)))
    .listen('ArticleChanged', showFigures)
    .listen('CommentAdded', (comment) => {
      showComment(comment);
      announce(`${comment.name}: ${comment.text}`);
    });

  const catchUp = keepUp(channel, async () => {
    let missed;
    do {
      const news = await fetchPatiently(`/readers/${article}/news?after=${complete}`);
      missed = news.comments;
      missed.forEach(showComment);
      complete = missed.at(-1)?.id ?? complete;
      showFigures(news.figures);
      showLike(news.is_liked);
    } while (missed.length > 0);
  });

  like.addEventListener('sent', ({ detail: figures }) => {
    showLike(like.querySelector('button').value === 'true');
    showFigures(figures);
  });

  function showLike(isLiked) {
    const button = like.querySelector('button');
    button.ariaPressed = isLiked;
    button.value = !isLiked;
  }

  write.addEventListener('sent', ({ detail: comment }) => {
    showComment(comment);
    write.elements.text.value = '';
    newDraft(write);
    announce('Your comment is there.');
  });

  // It was sent with another text before: that one is shown now, and this one is a comment of its own.
  write.addEventListener('refused', ({ detail: { status } }) => {
    if (status === 409) {
      newDraft(write);
      catchUp();
    }
  });

  function showComment(comment) {
    if (document.getElementById(`comment-${comment.id}`)) {
      return;
    }
    const item = fill('comment', comment);
    item.id = `comment-${comment.id}`;
    item.dataset.id = comment.id;
    paint(item.querySelector('.avatar'), comment.author, comment.name);
    insertById(comments, item);
  }

  function showMembers(all) {
    here = [...new Map(all.map((member) => [member.key, member])).values()];
    document.getElementById('members').replaceChildren(...memberItems(here, MEMBERS_SHOWN));
    const others = document.getElementById('others');
    others.hidden = here.length <= MEMBERS_SHOWN;
    others.textContent = `and ${here.length - MEMBERS_SHOWN} more`;
    document.querySelector('.here [data-readers]').textContent = here.length;
  }
}
