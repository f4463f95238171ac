use resound::{
    Model,
    notification::{Notifiable, Notification, Notifier, Via},
};

struct User;
impl Model for User {
    fn key(&self) -> String {
        "1".to_owned()
    }
}
impl Notifiable for User {}

struct Team;
impl Model for Team {
    fn key(&self) -> String {
        "1".to_owned()
    }
}
impl Notifiable for Team {}

#[derive(serde::Serialize)]
struct InvoicePaid;
impl Notification<User> for InvoicePaid {
    fn via(&self, _: &User) -> Vec<Via> {
        vec![Via::Database]
    }
}

fn tell(notifier: &Notifier) {
    let _ = notifier.send(&Team, InvoicePaid);
}

fn main() {}
