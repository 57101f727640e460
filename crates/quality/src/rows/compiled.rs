//! The contract made ready for rows: bounds parsed, expressions and formats compiled, once a file.

use chrono_tz::Tz;
use shoplake_core::contract::OnChange;
use shoplake_core::{Column, ColumnType, Contract, Fault, Result, ShopZone};

use crate::checks::{self, Check};
use crate::values::Reader;

/// A contract whose every rule can be held against a value. Shared by the threads that judge.
#[derive(Debug)]
pub struct CompiledContract {
    pub(super) columns: Vec<CompiledColumn>,
    /// The key's columns, by their place.
    pub(super) key: Vec<usize>,
    /// The first decimal column: the money at stake.
    pub(super) money: Option<(usize, u8)>,
    /// What happens to a value that is not of its type.
    pub(super) types: OnChange,
    pub(super) zone: Tz,
}

#[derive(Debug)]
pub(super) struct CompiledColumn {
    pub(super) name: String,
    pub(super) column_type: ColumnType,
    pub(super) reader: Reader,
    pub(super) checks: Vec<Box<dyn Check>>,
}

impl CompiledContract {
    /// Compiles a contract; a fault of kind `Usage` with its place where a rule makes no sense.
    pub fn new(contract: &Contract, zone: Tz) -> Result<Self> {
        let mut clock = ShopZone::new(zone);
        let columns = contract.columns.iter().map(|column| {
            compile(column, &mut clock).map_err(|mut fault| {
                fault.message = format!("column `{}`: {}", column.name, fault.message);
                fault.at(&contract.file, column.line, None)
            })
        });
        let key = contract.key.iter().map(|name| {
            contract.columns.iter().position(|column| column.name == *name).ok_or_else(|| {
                Fault::usage(format!("key `{name}` is no column of `{}`", contract.dataset)).at(
                    &contract.file,
                    None,
                    None,
                )
            })
        });
        let money = contract.columns.iter().enumerate().find_map(|(at, column)| match column.column_type {
            ColumnType::Decimal { scale, .. } => Some((at, scale)),
            _ => None,
        });
        Ok(Self {
            columns: columns.collect::<Result<_>>()?,
            key: key.collect::<Result<_>>()?,
            money,
            types: contract.schema_change.types,
            zone,
        })
    }
}

fn compile(column: &Column, zone: &mut ShopZone) -> Result<CompiledColumn> {
    let reader = Reader::new(column)?;
    let checks = checks::of_column(column, &reader, zone)?;
    Ok(CompiledColumn { name: column.name.clone(), column_type: column.column_type, reader, checks })
}
