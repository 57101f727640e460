//! From the tables of a pinned batch to a cube, through the engine's port: only files that are new are
//! read.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, PoisonError, RwLock};

use arrow_array::cast::AsArray;
use arrow_array::types::{Decimal128Type, Int64Type, TimestampMicrosecondType};
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_schema::{DataType, TimeUnit};
use chrono::{DateTime, Utc};
use futures::TryStreamExt;
use shoplake_core::ports::Engine;
use shoplake_core::{BatchNumber, Catalog, Fault, PinnedTable, Result, ShopZone, TableFile};

use super::block::{Block, BlockBuilder, Row};
use super::names::Names;
use super::{Cube, Product, Segment};

const MICROS_AN_HOUR: i64 = 3_600_000_000;
const SALES: &str = "sales";
const PRODUCTS: &str = "products";
const CUSTOMERS: &str = "customers";

/// What is known of one data file.
struct Loaded {
    block: Arc<Block>,
    last_sale: Option<i64>,
}

/// Keeps what it has read of earlier batches.
pub struct Reader {
    engine: Arc<dyn Engine>,
    zone: ShopZone,
    event_time: String,
    blocks: BTreeMap<String, Loaded>,
    products: Names,
    cities: Names,
    customers: Arc<RwLock<Names>>,
    /// Sales of each customer by number, over all blocks.
    orders: Vec<u32>,
    /// The files of `products`, and what they say by product number.
    catalogue: (Vec<String>, HashMap<u32, Product>),
    register: Register,
}

/// What the table of customers says, by customer number.
#[derive(Default)]
struct Register {
    files: Vec<String>,
    known: Vec<bool>,
    names: Arc<Vec<Option<Box<str>>>>,
}

impl Reader {
    /// A reader of sales that are dated by `event_time`, in the days of `zone`.
    pub fn new(engine: Arc<dyn Engine>, zone: chrono_tz::Tz, event_time: &str) -> Self {
        Self {
            engine,
            zone: ShopZone::new(zone),
            event_time: event_time.to_owned(),
            blocks: BTreeMap::new(),
            products: Names::default(),
            cities: Names::default(),
            customers: Arc::default(),
            orders: Vec::new(),
            catalogue: (Vec::new(), HashMap::new()),
            register: Register::default(),
        }
    }

    /// The cube of a batch; `None` where there are no sales that could be counted: no table, or one
    /// without the columns.
    ///
    /// # Errors
    /// What the engine meets while it reads. What was read before is kept.
    pub async fn read(
        &mut self,
        catalog: &Catalog,
        batch: BatchNumber,
        loaded_at: DateTime<Utc>,
    ) -> Result<Option<Cube>> {
        let Some(sales) = catalog.tables.get(SALES) else { return Ok(None) };
        let Some((sql, scale)) = self.sales_sql(sales) else { return Ok(None) };
        self.read_sales(sales, &sql).await?;
        self.read_products(catalog).await?;
        self.read_customers(catalog).await?;
        let blocks = self.blocks.values().map(|loaded| Arc::clone(&loaded.block)).collect();
        let cities = (0..self.cities.len()).map(|number| self.cities.text(number as u32).cloned()).collect();
        Ok(Some(Cube {
            batch,
            loaded_at,
            scale,
            last_sale: self.blocks.values().filter_map(|loaded| loaded.last_sale).max(),
            blocks,
            products: Arc::new(self.products_by_number()),
            cities: Arc::new(cities),
            segments: Arc::new(self.segments()),
            customers: Arc::clone(&self.customers),
            customer_names: Arc::clone(&self.register.names),
        }))
    }

    /// The query for the sales of any files of the table, and the digits after the point of amounts.
    fn sales_sql(&self, table: &PinnedTable) -> Option<(String, u8)> {
        let kind = |name: &str| table.schema.field_with_name(name).ok().map(arrow_schema::Field::data_type);
        let scale = match kind("amount")? {
            DataType::Decimal128(_, scale) => u8::try_from(*scale).ok()?,
            DataType::Int64 => 0,
            _ => return None,
        };
        let DataType::Timestamp(TimeUnit::Microsecond, _) = kind(&self.event_time)? else { return None };
        let text = |name: &str| match kind(name) {
            Some(_) => format!("CAST({} AS VARCHAR)", quoted(name)),
            None => "CAST(NULL AS VARCHAR)".to_owned(),
        };
        let columns =
            [quoted(&self.event_time), text("product_id"), text("customer_id"), text("city"), quoted("amount")];
        let columns = columns.iter().zip(["at", "product", "customer", "place", "money"]);
        let columns: Vec<String> = columns.map(|(column, name)| format!("{column} AS {name}")).collect();
        Some((format!("SELECT {} FROM sales", columns.join(", ")), scale))
    }

    async fn read_sales(&mut self, table: &Arc<PinnedTable>, sql: &str) -> Result<()> {
        let current: BTreeSet<&str> = table.files.iter().map(|file| file.path.as_str()).collect();
        for file in &table.files {
            if self.blocks.contains_key(&file.path) {
                continue;
            }
            let loaded = self.read_file(table, file, sql).await?;
            let orders = &mut self.orders;
            loaded.block.each_customer(|customer| {
                let at = customer as usize;
                if orders.len() <= at {
                    orders.resize(at + 1, 0);
                }
                if let Some(count) = orders.get_mut(at) {
                    *count += 1;
                }
            });
            self.blocks.insert(file.path.clone(), loaded);
        }
        let orders = &mut self.orders;
        self.blocks.retain(|path, loaded| {
            let stays = current.contains(path.as_str());
            if !stays {
                loaded.block.each_customer(|customer| {
                    if let Some(count) = orders.get_mut(customer as usize) {
                        *count = count.saturating_sub(1);
                    }
                });
            }
            stays
        });
        Ok(())
    }

    async fn read_file(&mut self, table: &PinnedTable, file: &TableFile, sql: &str) -> Result<Loaded> {
        let only = PinnedTable { files: vec![file.clone()], ..table.clone() };
        let catalog = Catalog { tables: [(SALES.to_owned(), Arc::new(only))].into(), ..Catalog::default() };
        let mut rows = self.engine.query(&catalog, sql).await?.batches;
        let (mut builder, mut last_sale) = (BlockBuilder::default(), None);
        while let Some(batch) = rows.try_next().await? {
            last_sale = last_sale.max(self.take(&batch, &mut builder)?);
        }
        Ok(Loaded { block: Arc::new(builder.finish()), last_sale })
    }

    /// Takes the rows of a batch; gives the latest moment among them.
    fn take(&mut self, batch: &RecordBatch, builder: &mut BlockBuilder) -> Result<Option<i64>> {
        let at = column(batch, "at")?;
        let at = at.as_primitive_opt::<TimestampMicrosecondType>().ok_or_else(|| unexpected("at", at))?;
        let money = Money::of(column(batch, "money")?)?;
        let [product, customer, city] = ["product", "customer", "place"].map(|name| texts(batch, name));
        let (product, customer, city) = (product?, customer?, city?);
        let customers = Arc::clone(&self.customers);
        let mut customers = customers.write().unwrap_or_else(PoisonError::into_inner);
        let mut last = None;
        for row in 0..batch.num_rows() {
            // A sale without a moment belongs to no day.
            if at.is_null(row) {
                continue;
            }
            let moment = at.value(row);
            last = last.max(Some(moment));
            let local = self.zone.local_micros(moment);
            builder.push(Row {
                day: local.div_euclid(24 * MICROS_AN_HOUR) as i32,
                hour: (local.rem_euclid(24 * MICROS_AN_HOUR) / MICROS_AN_HOUR) as u8,
                product: number(&mut self.products, &product, row),
                customer: number(&mut customers, &customer, row),
                city: number(&mut self.cities, &city, row),
                amount: money.value(row),
            });
        }
        Ok(last)
    }

    async fn read_products(&mut self, catalog: &Catalog) -> Result<()> {
        let (files, sql) = dimension(catalog, PRODUCTS, &["product_id", "name", "category"]);
        if files == self.catalogue.0 {
            return Ok(());
        }
        let mut known = HashMap::new();
        if let Some(sql) = sql {
            let mut rows = self.engine.query(catalog, &sql).await?.batches;
            while let Some(batch) = rows.try_next().await? {
                let (ids, names) = (texts(&batch, "product_id")?, texts(&batch, "name")?);
                let categories = texts(&batch, "category")?;
                for row in (0..batch.num_rows()).filter(|row| ids.is_valid(*row)) {
                    let number = number(&mut self.products, &ids, row);
                    let product = Product {
                        id: self.products.text(number).cloned(),
                        name: text(&names, row).map(Into::into),
                        category: text(&categories, row).map(Into::into),
                        known: true,
                    };
                    known.insert(number, product);
                }
            }
        }
        self.catalogue = (files, known);
        Ok(())
    }

    async fn read_customers(&mut self, catalog: &Catalog) -> Result<()> {
        let (files, sql) = dimension(catalog, CUSTOMERS, &["customer_id", "name"]);
        if files == self.register.files {
            return Ok(());
        }
        let (mut known, mut called) = (Vec::new(), Vec::new());
        if let Some(sql) = sql {
            let mut rows = self.engine.query(catalog, &sql).await?.batches;
            while let Some(batch) = rows.try_next().await? {
                let (ids, names) = (texts(&batch, "customer_id")?, texts(&batch, "name")?);
                let mut customers = self.customers.write().unwrap_or_else(PoisonError::into_inner);
                for row in (0..batch.num_rows()).filter(|row| ids.is_valid(*row)) {
                    let number = number(&mut customers, &ids, row) as usize;
                    if known.len() <= number {
                        known.resize(number + 1, false);
                        called.resize(number + 1, None);
                    }
                    if let Some((known, called)) = known.get_mut(number).zip(called.get_mut(number)) {
                        *known = true;
                        *called = text(&names, row).map(Into::into);
                    }
                }
            }
        }
        self.register = Register { files, known, names: Arc::new(called) };
        Ok(())
    }

    fn products_by_number(&self) -> Vec<Product> {
        let product = |number| match self.catalogue.1.get(&number) {
            Some(product) => product.clone(),
            None => Product { id: self.products.text(number).cloned(), ..Product::default() },
        };
        (0..self.products.len() as u32).map(product).collect()
    }

    fn segments(&self) -> Vec<Segment> {
        let customers = self.customers.read().unwrap_or_else(PoisonError::into_inner).len();
        let segment = |number: usize| {
            let known = self.register.known.get(number).copied().unwrap_or(false);
            Segment::of(known, self.orders.get(number).copied().unwrap_or(0))
        };
        (0..customers).map(segment).collect()
    }
}

/// The files of a dimension, and the query for its columns; one that it lacks is NULL. No query where
/// there is no such table, or it lacks the first column.
fn dimension(catalog: &Catalog, name: &str, columns: &[&str]) -> (Vec<String>, Option<String>) {
    let Some(table) = catalog.tables.get(name) else { return (Vec::new(), None) };
    let files = table.files.iter().map(|file| file.path.clone()).collect();
    let has = |column: &str| table.schema.column_with_name(column).is_some();
    let column = |column: &&str| {
        let value = if has(column) { quoted(column) } else { "NULL".to_owned() };
        format!("CAST({value} AS VARCHAR) AS {}", quoted(column))
    };
    let sql = columns
        .first()
        .filter(|first| has(first))
        .map(|_| format!("SELECT {} FROM {}", columns.iter().map(column).collect::<Vec<_>>().join(", "), quoted(name)));
    (files, sql)
}

/// Amounts in the smallest unit of their scale; NULL is nothing, as it is to `sum`.
enum Money<'a> {
    Decimal(&'a arrow_array::Decimal128Array),
    Whole(&'a arrow_array::Int64Array),
}

impl<'a> Money<'a> {
    fn of(column: &'a ArrayRef) -> Result<Self> {
        if let Some(decimals) = column.as_primitive_opt::<Decimal128Type>() {
            return Ok(Self::Decimal(decimals));
        }
        column.as_primitive_opt::<Int64Type>().map(Self::Whole).ok_or_else(|| unexpected("money", column))
    }

    fn value(&self, row: usize) -> i128 {
        match self {
            Self::Decimal(values) if values.is_valid(row) => values.value(row),
            Self::Whole(values) if values.is_valid(row) => i128::from(values.value(row)),
            Self::Decimal(_) | Self::Whole(_) => 0,
        }
    }
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn column<'a>(batch: &'a RecordBatch, name: &str) -> Result<&'a ArrayRef> {
    batch.column_by_name(name).ok_or_else(|| Fault::internal(format!("the engine left out column `{name}`")))
}

fn texts(batch: &RecordBatch, name: &str) -> Result<ArrayRef> {
    arrow_cast::cast(column(batch, name)?, &DataType::Utf8)
        .map_err(|error| Fault::internal(format!("column `{name}` is no text")).caused_by(error))
}

fn text(column: &ArrayRef, row: usize) -> Option<&str> {
    let texts = column.as_string_opt::<i32>()?;
    texts.is_valid(row).then(|| texts.value(row))
}

fn number(names: &mut Names, column: &ArrayRef, row: usize) -> u32 {
    text(column, row).map_or(0, |text| names.number(text))
}

fn unexpected(name: &str, column: &ArrayRef) -> Fault {
    Fault::internal(format!("column `{name}` came as {}", column.data_type()))
}
