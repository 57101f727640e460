//! What the project folder promises, seen from outside: the template, the mistakes that people make,
//! and the schemas.

mod mistakes;
mod projects;
mod schemas;
mod support;
