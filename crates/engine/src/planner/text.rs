//! Expressions as SQL again, with what they are made of.

use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::logical_expr::Expr;
use datafusion::sql::unparser::Unparser;
use datafusion::sql::unparser::dialect::Dialect;
use shoplake_core::planned::{ColumnRef, Expression, Form, Function, Measure};

use super::Unknown;

/// Every name in quotes: what it says is what it is called.
struct Quoted;

impl Dialect for Quoted {
    fn identifier_quote_style(&self, _: &str) -> Option<char> {
        Some('"')
    }
}

/// `expression`, whose columns all name a relation, as SQL.
pub(super) fn expression(expression: &Expr) -> Result<Expression, Unknown> {
    let bare = unaliased(expression);
    let form = match bare {
        Expr::Column(_) => Form::Column,
        Expr::ScalarFunction(call) => {
            let arguments: Result<Vec<Expression>, Unknown> = call.args.iter().map(self::expression).collect();
            Form::Call(call.func.name().to_owned(), arguments?)
        }
        _ => Form::Other,
    };
    Ok(Expression { sql: sql(bare)?, columns: columns(bare), form })
}

/// The aggregate `expression` under `name`.
pub(super) fn measure(name: String, expression: &Expr) -> Result<Measure, Unknown> {
    let Expr::AggregateFunction(call) = unaliased(expression) else {
        return Err(Unknown("aggregates in a way that is not known here".into()));
    };
    let params = &call.params;
    if !params.order_by.is_empty() || params.null_treatment.is_some() {
        return Err(Unknown(format!("aggregates in an order (`{}`)", call.func.name())));
    }
    // `count(*)` counts a literal.
    let counts_rows = matches!(params.args.as_slice(), [Expr::Literal(value, _)] if !value.is_null());
    let function = match (call.func.name(), params.distinct) {
        ("count", false) => Function::Count,
        ("count", true) if params.args.len() == 1 => Function::CountDistinct,
        ("sum", false) => Function::Sum,
        ("min", _) => Function::Min,
        ("max", _) => Function::Max,
        ("avg" | "mean", false) => Function::Average,
        (other, distinct) => Function::Other(if distinct { format!("{other}(DISTINCT)") } else { other.to_owned() }),
    };
    let arguments: Result<Vec<Expression>, Unknown> = match &function {
        Function::Count if counts_rows => Ok(Vec::new()),
        _ => params.args.iter().map(self::expression).collect(),
    };
    let filter = params.filter.as_deref().map(self::expression).transpose()?;
    Ok(Measure { name, function, arguments: arguments?, filter, sql: sql(unaliased(expression))? })
}

fn sql(expression: &Expr) -> Result<String, Unknown> {
    check(expression)?;
    let text = Unparser::new(&Quoted).expr_to_sql(expression);
    text.map(|sql| sql.to_string()).map_err(|_| Unknown("has an expression that cannot be written as SQL again".into()))
}

/// Refuses what means something else where it stands alone, or gives another value the next time.
fn check(expression: &Expr) -> Result<(), Unknown> {
    let mut unknown = None;
    let walked = expression.apply(|part| {
        let reason = match part {
            Expr::ScalarSubquery(_) | Expr::Exists(_) | Expr::InSubquery(_) | Expr::SetComparison(_) => {
                "has a query within an expression".to_owned()
            }
            Expr::OuterReferenceColumn(..) => "refers from a subquery to the query around it".to_owned(),
            Expr::WindowFunction(call) => format!("looks at neighbouring rows (`{} OVER …`)", call.fun.name()),
            Expr::Unnest(_) => "makes several rows of one (`unnest`)".to_owned(),
            Expr::ScalarFunction(call) if part.is_volatile_node() => {
                format!("asks for something that changes each time (`{}`)", call.func.name())
            }
            _ => return Ok(TreeNodeRecursion::Continue),
        };
        unknown = Some(Unknown(reason));
        Ok(TreeNodeRecursion::Stop)
    });
    match unknown {
        Some(unknown) => Err(unknown),
        None => walked.map(|_| ()).map_err(|_| Unknown("has an expression that cannot be read".into())),
    }
}

fn columns(expression: &Expr) -> Vec<ColumnRef> {
    let mut found = Vec::new();
    // The closure gives no error, so neither does the walk.
    let _ = expression.apply(|part| {
        if let Expr::Column(column) = part {
            let relation = column.relation.as_ref().map(|r| r.table().to_owned()).unwrap_or_default();
            let column = ColumnRef { relation, name: column.name.clone() };
            if !found.contains(&column) {
                found.push(column);
            }
        }
        Ok(TreeNodeRecursion::Continue)
    });
    found
}

/// The expression below its aliases.
pub(super) fn unaliased(expression: &Expr) -> &Expr {
    match expression {
        Expr::Alias(alias) => unaliased(&alias.expr),
        other => other,
    }
}
