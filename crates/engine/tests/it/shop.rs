//! A small shop of three tables, for the planner.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, Date32Array, Decimal128Array, Int32Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
};
use arrow::datatypes::{DataType, Field, Schema};
use shoplake_core::{Catalog, PinnedTable, TableFile};

use crate::lake;

/// Id, customer, product, cents, UTC moment.
type Sale = (&'static str, Option<&'static str>, Option<&'static str>, Option<i128>, &'static str);

/// Some name a customer or product that is not there, or none.
const SALES: [Sale; 9] = [
    ("t1", Some("c1"), Some("p1"), Some(10_00), "2024-01-30T12:00:00Z"),
    ("t2", Some("c1"), Some("p2"), Some(20_50), "2024-01-30T23:30:00Z"),
    ("t3", Some("c2"), Some("p1"), Some(30_00), "2024-01-31T12:00:00Z"),
    ("t4", Some("c9"), Some("p9"), Some(5_00), "2024-02-01T12:00:00Z"),
    ("t5", None, Some("p3"), Some(7_25), "2024-02-01T13:00:00Z"),
    ("t6", Some("c2"), None, None, "2024-02-01T13:00:00Z"),
    ("t7", Some("c3"), Some("p2"), Some(20_50), "2024-02-02T08:00:00Z"),
    ("t8", Some("c1"), Some("p1"), Some(10_00), "2024-02-02T09:00:00Z"),
    ("t9", Some("c3"), Some("p3"), Some(-3_00), "2024-02-02T10:00:00Z"),
];

/// The tables `sales`, `products` and `customers`.
pub(crate) fn catalog(root: &Path) -> Catalog {
    let texts = |values: Vec<Option<&str>>| -> ArrayRef { Arc::new(StringArray::from(values)) };
    let money = |cents: Vec<Option<i128>>, precision, scale| -> ArrayRef {
        Arc::new(Decimal128Array::from(cents).with_precision_and_scale(precision, scale).unwrap())
    };
    let mut tables = BTreeMap::new();
    for month in [1, 2] {
        let rows: Vec<_> = SALES.iter().filter(|sale| sale.4[5..7].parse::<i32>().unwrap() == month).collect();
        let moments = rows.iter().map(|sale| chrono::DateTime::parse_from_rfc3339(sale.4).unwrap().timestamp_micros());
        let columns: Vec<(&str, ArrayRef)> = vec![
            ("transaction_id", texts(rows.iter().map(|sale| Some(sale.0)).collect())),
            ("customer_id", texts(rows.iter().map(|sale| sale.1).collect())),
            ("product_id", texts(rows.iter().map(|sale| sale.2).collect())),
            ("quantity", Arc::new(Int64Array::from_iter_values(1..=rows.len() as i64))),
            ("amount", money(rows.iter().map(|sale| sale.3).collect(), 12, 2)),
            ("transaction_date", Arc::new(TimestampMicrosecondArray::from_iter_values(moments).with_timezone("UTC"))),
            (
                "day",
                Arc::new(Int32Array::from_iter_values(rows.iter().map(|sale| sale.4[8..10].parse::<i32>().unwrap()))),
            ),
        ];
        let partition =
            BTreeMap::from([("year".into(), Some("2024".into())), ("month".into(), Some(month.to_string()))]);
        add(&mut tables, root, "sales", &format!("month-{month}.parquet"), &partition, columns);
    }
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("product_id", texts(vec![Some("p1"), Some("p2"), Some("p3"), Some("p4")])),
        ("name", texts(vec![Some("Pen"), Some("Ink"), None, Some("Cap")])),
        ("category", texts(vec![Some("Paper"), Some("Paper"), None, Some("Wear")])),
        ("price", money(vec![Some(10_0000), Some(20_5000), Some(7_2500), None], 18, 4)),
    ];
    add(&mut tables, root, "products", "products.parquet", &BTreeMap::new(), columns);
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("customer_id", texts(vec![Some("c1"), Some("c2"), Some("c3"), Some("c4")])),
        ("name", texts(vec![Some("Ann"), Some("Bob"), Some("Cy"), None])),
        ("city", texts(vec![Some("Bonn"), Some("Köln"), Some("Bonn"), None])),
        ("signup_date", Arc::new(Date32Array::from(vec![Some(19_700), Some(19_701), None, Some(19_702)]))),
    ];
    add(&mut tables, root, "customers", "customers.parquet", &BTreeMap::new(), columns);
    Catalog { tables, ..Catalog::default() }
}

fn add(
    tables: &mut BTreeMap<String, Arc<PinnedTable>>,
    root: &Path,
    name: &str,
    path: &str,
    partition: &BTreeMap<String, Option<String>>,
    columns: Vec<(&str, ArrayRef)>,
) {
    let batch =
        RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, array)| (name, array, true))).unwrap();
    let root = root.join(name);
    let size = lake::write(&root.join(path), &batch);
    let file = TableFile {
        path: path.into(),
        size,
        rows: batch.num_rows() as u64,
        partition: partition.clone(),
        modified: 0,
        stats: None,
    };
    let mut fields: Vec<_> = batch.schema().fields().iter().cloned().collect();
    let parts: Vec<String> =
        ["year", "month"].into_iter().filter(|part| partition.contains_key(*part)).map(String::from).collect();
    fields.extend(parts.iter().map(|part| Arc::new(Field::new(part, DataType::Int32, true))));
    let table = PinnedTable {
        name: name.into(),
        root: root.into(),
        schema: Arc::new(Schema::new(fields)),
        partition_columns: parts,
        files: Vec::new(),
    };
    let table = tables.entry(name.to_owned()).or_insert_with(|| Arc::new(table));
    Arc::get_mut(table).unwrap().files.push(file);
}
