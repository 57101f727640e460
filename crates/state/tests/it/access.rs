//! Users, sessions, tokens, shares, and an audit log whose lines follow from each other.

use chrono::{SubsecRound, TimeDelta, Utc};
use shoplake_core::access::{AccessStore, ApiToken, Role, Session, Share, User};
use shoplake_state::SqliteAccess;

fn user(name: &str, role: Role) -> User {
    let created_at = Utc::now().trunc_subsecs(6);
    User { name: name.into(), role, password_hash: "$argon2id$…".into(), created_at }
}

fn session(user: &str) -> Session {
    let now = Utc::now().trunc_subsecs(6);
    Session { hash: format!("hash of {user}"), user: user.into(), csrf: "c".into(), created_at: now, used_at: now }
}

/// Given a user with a session, when its role changes or it is removed, then the session is gone at once.
#[tokio::test]
async fn a_changed_or_removed_user_has_no_session() {
    let access = SqliteAccess::open_in_memory().await.unwrap();
    let oldest = Utc::now() - TimeDelta::days(1);
    assert!(access.add_user(&user("ada", Role::Admin)).await.unwrap());
    assert!(!access.add_user(&user("ada", Role::Viewer)).await.unwrap(), "the name is taken");
    access.begin_session(&session("ada"), oldest).await.unwrap();
    let (found, owner) = access.session("hash of ada").await.unwrap().unwrap();
    assert_eq!((found, owner.role), (session_like(&access).await, Role::Admin));
    assert!(access.change_user("ada", Some(Role::Viewer), None).await.unwrap());
    assert_eq!(access.session("hash of ada").await.unwrap(), None);
    access.begin_session(&session("ada"), oldest).await.unwrap();
    assert!(access.remove_user("ada").await.unwrap());
    assert_eq!(access.session("hash of ada").await.unwrap(), None);
    assert!(!access.remove_user("ada").await.unwrap());
}

/// Given tokens and shares that a user has made, also by a token, when its role falls, then the tokens that may
/// do more are gone; when it is removed, then all of them are. Nobody else's are.
#[tokio::test]
async fn what_a_removed_user_has_made_is_gone() {
    let access = SqliteAccess::open_in_memory().await.unwrap();
    let now = Utc::now().trunc_subsecs(6);
    let token = |id: &str, role, by: &str| ApiToken {
        id: id.into(),
        hash: format!("hash of {id}"),
        name: id.into(),
        role,
        created_by: by.into(),
        created_at: now,
        expires_at: None,
    };
    let share = |id: &str, by: &str| Share {
        id: id.into(),
        hash: format!("hash of {id}"),
        dashboard: String::new(),
        filters: Vec::new(),
        created_by: by.into(),
        created_at: now,
        expires_at: now + TimeDelta::days(1),
    };
    for name in ["ada", "bo"] {
        access.add_user(&user(name, Role::Admin)).await.unwrap();
    }
    let admin = Role::Admin;
    for (id, role, by) in [
        ("t1", admin, "ada"),
        ("t2", Role::Viewer, "token:t1"),
        ("t3", Role::Analyst, "ada"),
        ("t4", admin, "bo"),
        ("t5", admin, "token:t2"),
    ] {
        access.add_token(&token(id, role, by)).await.unwrap();
    }
    for (id, by) in [("s1", "ada"), ("s2", "token:t3"), ("s3", "bo"), ("s4", "token:t4")] {
        access.add_share(&share(id, by)).await.unwrap();
    }
    let left = async || {
        let tokens = access.tokens().await.unwrap().into_iter().map(|token| token.id);
        tokens.chain(access.shares().await.unwrap().into_iter().map(|share| share.id)).collect::<Vec<_>>().join(" ")
    };
    access.change_user("ada", None, Some("$argon2id$other")).await.unwrap();
    assert_eq!(left().await, "t1 t2 t3 t4 t5 s1 s2 s3 s4");
    access.change_user("ada", Some(Role::Analyst), None).await.unwrap();
    assert_eq!(left().await, "t3 t4 s1 s2 s3 s4", "what one of them had made goes with it");
    access.remove_user("ada").await.unwrap();
    assert_eq!(left().await, "t4 s3 s4");
    assert!(access.remove_token("t4").await.unwrap() && !access.remove_token("t4").await.unwrap());
    assert_eq!(left().await, "s3");
}

async fn session_like(access: &SqliteAccess) -> Session {
    access.session("hash of ada").await.unwrap().unwrap().0
}

/// Given an audit log in a file, when a line is changed or removed by hand, then the first line that does
/// not follow is named.
#[tokio::test]
async fn a_changed_line_of_the_audit_log_is_named() {
    for (sql, broken) in [
        ("UPDATE audit SET who = 'eve' WHERE number = 2", 2),
        ("DELETE FROM audit WHERE number = 2", 2),
        ("UPDATE audit SET at = at + 1 WHERE number = 3", 3),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(".shoplake/access.db");
        let access = SqliteAccess::open(&path).await.unwrap();
        for number in 1..=3 {
            access.audit("ada", "user.add", &format!("number {number}")).await.unwrap();
        }
        assert_eq!(access.audit_break().await.unwrap(), None);
        assert_eq!(access.audit_log(2).await.unwrap().iter().map(|line| line.number).collect::<Vec<_>>(), [3, 2]);
        let options = sqlx::sqlite::SqliteConnectOptions::new().filename(&path);
        let pool = sqlx::SqlitePool::connect_with(options).await.unwrap();
        sqlx::query(sql).execute(&pool).await.unwrap();
        assert_eq!(access.audit_break().await.unwrap(), Some(broken), "{sql}");
    }
}
