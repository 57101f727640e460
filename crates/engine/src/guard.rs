//! What SQL may say: one SELECT, of bounded length and depth. Checked before anything recurses.

use std::collections::VecDeque;

use datafusion::sql::parser::{DFParserBuilder, Statement};
use datafusion::sql::sqlparser::ast::Statement as SqlStatement;
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan, Tokenizer};
use shoplake_core::{Fault, Result};

use crate::dialect::ShoplakeDialect;
use crate::faults;

/// The longest SQL, in bytes.
const MAX_BYTES: usize = 1_000_000;
/// The most tokens, spaces not counted.
const MAX_TOKENS: usize = 100_000;
/// The deepest nesting of parentheses, brackets and CASE.
const MAX_DEPTH: usize = 200;
/// The longest chain of operators at one depth: each is one level of the expression's tree.
const MAX_CHAIN: usize = 1_000;
/// The most joins and set operations: each is one level of the plan's tree.
const MAX_RELATIONS: usize = 200;
/// What the parser itself may recurse; a parenthesis takes several levels.
const PARSER_DEPTH: usize = 1_000;

/// The one statement of `sql`, if it is a query within the bounds.
pub(crate) fn statement(sql: &str) -> Result<Statement> {
    if sql.len() > MAX_BYTES {
        return Err(Fault::usage(format!("sql too long: {} bytes, at most {MAX_BYTES}", sql.len()))
            .hint("put long lists into a table and join it"));
    }
    let tokens =
        Tokenizer::new(&ShoplakeDialect, sql).tokenize_with_location().map_err(|e| faults::syntax(&e.into()))?;
    bound(&tokens)?;
    let parsed = DFParserBuilder::new(sql)
        .with_dialect(&ShoplakeDialect)
        .with_recursion_limit(PARSER_DEPTH)
        .build()
        .and_then(|mut parser| parser.parse_statements());
    one_query(parsed.map_err(|e| faults::parsing(&e))?)
}

/// The fault of a statement that would change something.
pub(crate) fn refused() -> Fault {
    Fault::usage("only SELECT can run here").hint("tables change through `shoplake run` alone")
}

fn one_query(mut statements: VecDeque<Statement>) -> Result<Statement> {
    match statements.len() {
        0 => return Err(Fault::usage("no sql given").hint("write one SELECT")),
        1 => {}
        many => {
            return Err(Fault::usage(format!("one statement at a time, not {many}"))
                .hint("run each by itself; in a model, put each into a file of its own"));
        }
    }
    match statements.pop_front() {
        Some(Statement::Statement(statement)) if matches!(*statement, SqlStatement::Query(_)) => {
            Ok(Statement::Statement(statement))
        }
        Some(Statement::Explain(explain)) if explained_is_query(&explain.statement) => Ok(Statement::Explain(explain)),
        _ => Err(refused()),
    }
}

fn explained_is_query(statement: &Statement) -> bool {
    matches!(statement, Statement::Statement(inner) if matches!(**inner, SqlStatement::Query(_)))
}

/// Counts tokens, nesting, chains of operators, joins.
fn bound(tokens: &[TokenWithSpan]) -> Result<()> {
    let (mut count, mut relations) = (0, 0);
    let mut chains = vec![0_usize];
    for TokenWithSpan { token, span } in tokens {
        if matches!(token, Token::Whitespace(_) | Token::EOF) {
            continue;
        }
        count += 1;
        match step(token) {
            Step::In => chains.push(0),
            Step::Out => {
                if chains.len() > 1 {
                    chains.pop();
                }
            }
            Step::Operator => {
                if let Some(chain) = chains.last_mut() {
                    *chain += 1;
                }
            }
            Step::Relation => relations += 1,
            Step::Clause => {
                if let Some(chain) = chains.last_mut() {
                    *chain = 0;
                }
            }
            Step::Plain => {}
        }
        let broken = if count > MAX_TOKENS {
            Some(format!("more than {MAX_TOKENS} words"))
        } else if chains.len() > MAX_DEPTH {
            Some(format!("nested deeper than {MAX_DEPTH}"))
        } else if chains.last().is_some_and(|chain| *chain > MAX_CHAIN) {
            Some(format!("more than {MAX_CHAIN} operators in one expression"))
        } else if relations > MAX_RELATIONS {
            Some(format!("more than {MAX_RELATIONS} joins and set operations"))
        } else {
            None
        };
        if let Some(broken) = broken {
            return Err(Fault::usage(format!("sql too complex: {broken}"))
                .at("sql", Some(span.start.line), Some(span.start.column))
                .hint("write `x IN (…)` in place of many ORs, or put the values into a table and join it"));
        }
    }
    Ok(())
}

enum Step {
    In,
    Out,
    Operator,
    Relation,
    Clause,
    Plain,
}

fn step(token: &Token) -> Step {
    match token {
        Token::LParen | Token::LBracket | Token::LBrace => Step::In,
        Token::RParen | Token::RBracket | Token::RBrace => Step::Out,
        Token::Comma | Token::SemiColon => Step::Clause,
        Token::Word(word) if word.quote_style.is_none() => match word.keyword {
            Keyword::CASE => Step::In,
            Keyword::END => Step::Out,
            Keyword::JOIN | Keyword::UNION | Keyword::EXCEPT | Keyword::INTERSECT => Step::Relation,
            Keyword::SELECT
            | Keyword::FROM
            | Keyword::WHERE
            | Keyword::GROUP
            | Keyword::HAVING
            | Keyword::ORDER
            | Keyword::WHEN
            | Keyword::THEN
            | Keyword::ELSE => Step::Clause,
            Keyword::AND | Keyword::OR | Keyword::NOT | Keyword::IS | Keyword::LIKE | Keyword::BETWEEN => {
                Step::Operator
            }
            _ => Step::Plain,
        },
        Token::Word(_)
        | Token::Number(..)
        | Token::Period
        | Token::SingleQuotedString(_)
        | Token::DoubleQuotedString(_)
        | Token::NationalStringLiteral(_)
        | Token::Placeholder(_) => Step::Plain,
        _ => Step::Operator,
    }
}
