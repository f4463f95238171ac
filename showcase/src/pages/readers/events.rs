use resound::{
    Broadcast,
    notification::{Notifiable, Notification, Via},
};
use serde::Serialize;

use super::{
    census::Readers,
    store::{Article, Comment, Figures},
};
use crate::visitor::Visitor;

/// How many read which article, for everybody who looks at the list.
#[derive(Serialize, Broadcast)]
#[broadcast(public = "readers")]
pub struct ReadersChanged {
    pub readers: Readers,
}

/// An article has other figures, for those who look at the list and for its readers.
#[derive(Serialize, Broadcast)]
#[broadcast(public = "readers", presence = "readers.{figures.article}", with = &self.figures)]
pub struct ArticleChanged {
    pub figures: Figures,
}

/// For the readers of an article.
#[derive(Serialize, Broadcast)]
#[broadcast(presence = "readers.{article}", with = &self.comment)]
pub struct CommentAdded {
    pub article: i64,
    pub comment: Comment,
}

/// For the author of an article.
#[derive(Debug, Serialize)]
pub struct Commented {
    pub text: String,
    pub link: String,
}

impl Commented {
    pub fn new(article: &Article, comment: &Comment) -> Self {
        Self {
            text: format!("{} commented on “{}”", comment.name, article.title),
            link: format!("/readers/{}#comment-{}", article.id, comment.id),
        }
    }
}

impl<N: Notifiable> Notification<N> for Commented {
    fn via(&self, _: &N) -> Vec<Via> {
        vec![Via::Database, Via::Broadcast]
    }
}

/// For the author of an article.
#[derive(Debug, Serialize)]
pub struct Liked {
    pub text: String,
    pub link: String,
}

impl Liked {
    pub fn new(article: &Article, by: &Visitor) -> Self {
        Self {
            text: format!("{} likes “{}”", by.name, article.title),
            link: format!("/readers/{}", article.id),
        }
    }
}

impl<N: Notifiable> Notification<N> for Liked {
    fn via(&self, _: &N) -> Vec<Via> {
        vec![Via::Database, Via::Broadcast]
    }
}
