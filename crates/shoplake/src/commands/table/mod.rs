//! `shoplake table`: the versions of tables.

pub(super) mod compact;
pub(super) mod history;
pub(super) mod restore;
pub(super) mod vacuum;
