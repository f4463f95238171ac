//! The rows of many: those that can be stored are, whoever else's can't.

use std::sync::Arc;

use crate::notification::{error::StoreError, notifier::Notifier, plan::Plan, sending::Place};

/// Why a row was not stored; `None` if it was, or if there is none.
pub(crate) type Unstored = Option<Arc<StoreError>>;

/// Stores the rows of plans, together if possible.
pub(crate) struct Shelving<'a> {
    plans: &'a [Plan],
    /// By the places of the plans.
    unstored: Vec<Unstored>,
    /// The places of those that are to be stored together.
    groups: Vec<Vec<usize>>,
}

impl<'a> Shelving<'a> {
    pub(crate) fn new(plans: &'a [Plan]) -> Self {
        let with_row = |at: &usize| plans[*at].row.is_some();
        let all = (0..plans.len()).filter(with_row).collect();
        Self { plans, unstored: vec![None; plans.len()], groups: vec![all] }
    }

    /// Says what became of each row. `broken` is why the store takes nothing, if it does so.
    pub(crate) async fn store(
        mut self,
        notifier: &Notifier,
        place: &mut Place<'_>,
        broken: &mut Unstored,
    ) -> Vec<Unstored> {
        while let Some(group) = self.groups.pop() {
            if let Some(error) = broken {
                self.fail(&group, error);
                continue;
            }
            let rows: Vec<_> = group.iter().filter_map(|at| self.plans[*at].row.clone()).collect();
            if let Err(error) = place.store(notifier, &rows).await {
                self.failed(group, error, place, broken);
            }
        }
        self.unstored
    }

    /// Whose fault it is that a group was not stored: somebody's, a value's of one who is still to be found, or the store's.
    fn failed(
        &mut self,
        group: Vec<usize>,
        error: StoreError,
        place: &Place<'_>,
        broken: &mut Unstored,
    ) {
        // After such an error a transaction takes no further statement.
        let is_about_a_value = error.is_about_a_value() && place.is_store();
        if is_about_a_value && group.len() > 1 {
            self.groups.extend(group.into_iter().rev().map(|at| vec![at]));
            return;
        }
        let is_unfit = |at: &usize| match self.plans[*at].owner.as_ref() {
            Some(owner) => error.is_about(owner) || is_about_a_value,
            None => is_about_a_value,
        };
        let (unfit, others): (Vec<_>, Vec<_>) = group.into_iter().partition(is_unfit);
        let error = Arc::new(error);
        if unfit.is_empty() {
            self.fail(&others, &error);
            *broken = Some(error);
            return;
        }
        self.fail(&unfit, &error);
        self.groups.push(others);
    }

    fn fail(&mut self, group: &[usize], error: &Arc<StoreError>) {
        for at in group {
            self.unstored[*at] = Some(Arc::clone(error));
        }
    }
}
