//! The command line of `serve` and `user`.

use std::net::SocketAddr;

use clap::{Args, Subcommand, ValueEnum};

/// `shoplake serve`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  shoplake serve --open                    the dashboards, and the runs of the schedule, on this machine
  shoplake user add ada --role admin
  shoplake serve --listen 0.0.0.0:7070     for others too, who sign in

Put a proxy that speaks TLS in front of it where others reach it.")]
pub(crate) struct ServeArgs {
    /// The address to listen on; beyond this machine only once there is a user; port 0 takes any free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:7070")]
    pub(crate) listen: SocketAddr,
    /// Open the dashboards in the browser
    #[arg(long)]
    pub(crate) open: bool,
    /// Start no run and judge no alert: neither at its hour nor when a file arrives
    #[arg(long)]
    pub(crate) no_schedule: bool,
}

/// `shoplake user`
#[derive(Debug, Subcommand)]
pub(crate) enum UserCommand {
    /// Add a user; the password is asked for, or read from stdin
    Add(UserAddArgs),
    /// List the users
    Ls(UserLsArgs),
    /// Give a user another password, and end the user's sessions
    Password(UserNameArgs),
    /// Remove a user, and end the user's sessions
    Remove(UserNameArgs),
}

/// `shoplake user add`
#[derive(Debug, Args)]
pub(crate) struct UserAddArgs {
    /// The name to sign in with
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
    /// What the user may do
    #[arg(long, value_enum, value_name = "ROLE")]
    pub(crate) role: RoleArg,
}

/// `shoplake user ls`
#[derive(Debug, Args)]
pub(crate) struct UserLsArgs {
    /// Print an array of objects on stdout
    #[arg(long)]
    pub(crate) json: bool,
}

/// The user that is meant.
#[derive(Debug, Args)]
pub(crate) struct UserNameArgs {
    /// The user
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
}

/// What a user may do; each may do all that the one before may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum RoleArg {
    /// Look at dashboards and figures
    Viewer,
    /// Ask SQL, share dashboards
    Analyst,
    /// Start runs, replay quarantine, write dashboards
    Operator,
    /// Manage users and tokens, read the audit log
    Admin,
}
