//! `shoplake user`: who may sign in to what `shoplake serve` serves.

use std::io::{BufRead, IsTerminal};

use chrono::Utc;
use serde_json::json;
use shoplake_core::Fault;
use shoplake_core::access::{Role, User, name_fault};

use super::Context;
use crate::cli::{RoleArg, UserAddArgs, UserCommand, UserLsArgs, UserNameArgs};
use crate::failure::{Exit, Failure};
use crate::table::{Side, Table, Tone};
use crate::{render, wiring};

/// Who is told in the audit log to have done it: somebody with a shell on this machine.
const WHO: &str = "local";

pub(super) fn user(context: &Context, command: UserCommand) -> Result<Exit, Failure> {
    match command {
        UserCommand::Add(args) => add(context, &args),
        UserCommand::Ls(args) => ls(context, &args),
        UserCommand::Password(args) => password(context, &args),
        UserCommand::Remove(args) => remove(context, &args),
    }
}

fn add(context: &Context, args: &UserAddArgs) -> Result<Exit, Failure> {
    let project = context.project()?;
    if let Some(fault) = name_fault(&args.name) {
        return Err(fault.into());
    }
    let role = match args.role {
        RoleArg::Viewer => Role::Viewer,
        RoleArg::Analyst => Role::Analyst,
        RoleArg::Operator => Role::Operator,
        RoleArg::Admin => Role::Admin,
    };
    let password_hash = new_password(&args.name)?;
    context.block_on(1, async {
        let access = wiring::access(&project).await?;
        let user = User { name: args.name.clone(), role, password_hash, created_at: Utc::now() };
        if !access.add_user(&user).await? {
            let fault = Fault::usage(format!("there is a user `{}` already", render::escape(&args.name)));
            return Err(fault.hint("`shoplake user password NAME` gives another password").into());
        }
        Ok(access.audit(WHO, "user.add", &format!("{} as {role}", user.name)).await?)
    })?;
    context.printer.say(format_args!("`{}` can sign in as {role}", render::escape(&args.name)));
    Ok(Exit::Done)
}

fn ls(context: &Context, args: &UserLsArgs) -> Result<Exit, Failure> {
    let project = context.project()?;
    let users = context.block_on(1, async { Ok(wiring::access(&project).await?.users().await?) })?;
    let text = if args.json {
        let entry = |user: &User| json!({ "name": user.name, "role": user.role, "created_at": user.created_at });
        format!("{:#}\n", users.iter().map(entry).collect::<serde_json::Value>())
    } else {
        let mut table = Table::new([("name", Side::Left), ("role", Side::Left), ("since", Side::Left)]);
        for user in &users {
            let since = render::moment(user.created_at, project.time_zone);
            table.row([user.name.clone(), user.role.to_string(), since].map(|cell| (cell, Tone::Plain)));
        }
        if users.is_empty() { String::new() } else { table.text() }
    };
    context.printer.data_text(&text)?;
    if users.is_empty() {
        context.printer.say("there is no user: `shoplake serve` listens on this machine alone, without sign-in");
    }
    Ok(Exit::Done)
}

fn password(context: &Context, args: &UserNameArgs) -> Result<Exit, Failure> {
    let project = context.project()?;
    let hash = new_password(&args.name)?;
    context.block_on(1, async {
        let access = wiring::access(&project).await?;
        if !access.change_user(&args.name, None, Some(&hash)).await? {
            return Err(unknown(&args.name).into());
        }
        Ok(access.audit(WHO, "user.password", &args.name).await?)
    })?;
    context.printer.say(format_args!("`{}` has another password, and is signed out", render::escape(&args.name)));
    Ok(Exit::Done)
}

fn remove(context: &Context, args: &UserNameArgs) -> Result<Exit, Failure> {
    let project = context.project()?;
    context.block_on(1, async {
        let access = wiring::access(&project).await?;
        if !access.remove_user(&args.name).await? {
            return Err(unknown(&args.name).into());
        }
        Ok(access.audit(WHO, "user.remove", &args.name).await?)
    })?;
    context
        .printer
        .say(format_args!("`{}` is removed, with the tokens and links that it made", render::escape(&args.name)));
    Ok(Exit::Done)
}

fn unknown(name: &str) -> Fault {
    Fault::usage(format!("there is no user `{}`", render::escape(name))).hint("`shoplake user ls` lists them")
}

/// The hash of a new password: asked for twice on a terminal, one line of stdin otherwise.
fn new_password(name: &str) -> Result<String, Fault> {
    let away = |error: std::io::Error| Fault::usage("the password cannot be read").caused_by(error);
    let password = if std::io::stdin().is_terminal() {
        let asked = rpassword::prompt_password(format!("password for {}: ", render::escape(name))).map_err(away)?;
        if asked != rpassword::prompt_password("once more: ").map_err(away)? {
            return Err(Fault::usage("the two passwords differ").hint("try again"));
        }
        asked
    } else {
        let mut line = String::new();
        std::io::stdin().lock().read_line(&mut line).map_err(away)?;
        line.trim_end_matches(['\n', '\r']).to_owned()
    };
    if let Some(fault) = shoplake_server::password_fault(&password) {
        return Err(fault);
    }
    shoplake_server::hash_password(&password)
}
