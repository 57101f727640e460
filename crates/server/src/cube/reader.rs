//! From the tables of a pinned batch to a cube, through the engine's port: only files that are new are
//! read.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use arrow_array::cast::AsArray;
use arrow_array::types::{Decimal128Type, Int64Type, TimestampMicrosecondType};
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_schema::{DataType, TimeUnit};
use chrono::{DateTime, Utc};
use futures::TryStreamExt;
use shoplake_core::ports::Engine;
use shoplake_core::upkeep::ChangedRows;
use shoplake_core::{BatchNumber, Catalog, Fault, PinnedTable, Result, ShopZone, TableFile};

use super::block::Row;
use super::names::Names;
use super::sales::{Followed, Loaded, Rows, Sales};
use super::{Cube, Product, Segment};

const MICROS_AN_HOUR: i64 = 3_600_000_000;
const SALES: &str = "sales";
const PRODUCTS: &str = "products";
const CUSTOMERS: &str = "customers";

/// Keeps what it has read of earlier batches.
pub struct Reader {
    engine: Arc<dyn Engine>,
    zone: ShopZone,
    event_time: String,
    sales: Sales,
    files_read: u64,
    files_followed: u64,
    products: Names,
    cities: Names,
    customers: Arc<RwLock<Names>>,
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
            sales: Sales::default(),
            files_read: 0,
            files_followed: 0,
            products: Names::default(),
            cities: Names::default(),
            customers: Arc::default(),
            catalogue: (Vec::new(), HashMap::new()),
            register: Register::default(),
        }
    }

    /// How many files of sales were read, and how many partitions were not, since the lake told what changed in them.
    pub fn work(&self) -> (u64, u64) {
        (self.files_read, self.files_followed)
    }

    /// The batch whose sales were read last.
    pub fn batch(&self) -> Option<BatchNumber> {
        self.sales.batch
    }

    /// The cube of a batch; `None` where there are no sales that could be counted: no table, or one
    /// without the columns. `changes` are the rows of the table of sales that came and went since
    /// [`Reader::batch`], where the lake tells them.
    ///
    /// # Errors
    /// What the engine meets while it reads. What was read before is kept.
    pub async fn read(
        &mut self,
        catalog: &Catalog,
        batch: BatchNumber,
        loaded_at: DateTime<Utc>,
        changes: Option<&[ChangedRows]>,
    ) -> Result<Option<Cube>> {
        let Some(sales) = catalog.tables.get(SALES) else { return Ok(None) };
        let Some((sql, scale)) = self.sales_sql(sales) else { return Ok(None) };
        self.read_sales(sales, batch, changes, &sql).await?;
        self.read_products(catalog).await?;
        self.read_customers(catalog).await?;
        let loaded = self.sales.loaded();
        let blocks = loaded.iter().map(|loaded| Arc::clone(&loaded.block)).collect();
        let cities = (0..self.cities.len()).map(|number| self.cities.text(number as u32).cloned()).collect();
        Ok(Some(Cube {
            batch,
            loaded_at,
            scale,
            last_sale: loaded.iter().filter_map(|loaded| loaded.last_sale).max(),
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

    async fn read_sales(
        &mut self,
        table: &Arc<PinnedTable>,
        batch: BatchNumber,
        changes: Option<&[ChangedRows]>,
        sql: &str,
    ) -> Result<()> {
        let followed = match changes {
            Some(changes) => self.follow(table, changes, sql).await,
            None => Vec::new(),
        };
        let of_followed = |path: &str| followed.iter().any(|followed| followed.stands_for(path));
        for file in table.files.iter().filter(|file| !of_followed(&file.path)) {
            if !self.sales.has(&file.path) {
                let rows = self.read_rows(table, vec![file.clone()], sql).await?;
                self.sales.add(Loaded::new(file, rows));
                self.files_read += 1;
            }
        }
        self.files_followed += followed.len() as u64;
        self.sales.settle(batch, table, followed);
        Ok(())
    }

    /// Makes the blocks of files that were written anew from those before, where `changes` tells how. Copies of rows may
    /// be gone by now: what cannot be followed is read.
    async fn follow(&mut self, table: &Arc<PinnedTable>, changes: &[ChangedRows], sql: &str) -> Vec<Followed> {
        let mut all = Vec::new();
        for (partition, mut rewritten) in self.sales.rewritten(table, changes) {
            let entered = self.read_rows(table, std::mem::take(&mut rewritten.entered), sql).await;
            let left = self.read_rows(table, std::mem::take(&mut rewritten.left), sql).await;
            let (Ok(entered), Ok(left)) = (entered, left) else { continue };
            all.extend(self.sales.follow(table, (partition, rewritten), (entered, left)));
        }
        all
    }

    async fn read_rows(&mut self, table: &PinnedTable, files: Vec<TableFile>, sql: &str) -> Result<Rows> {
        let mut taken = Rows::default();
        if files.is_empty() {
            return Ok(taken);
        }
        let only = PinnedTable { files, ..table.clone() };
        let catalog = Catalog { tables: [(SALES.to_owned(), Arc::new(only))].into(), ..Catalog::default() };
        let mut batches = self.engine.query(&catalog, sql).await?.batches;
        while let Some(batch) = batches.try_next().await? {
            self.take(&batch, &mut taken)?;
        }
        Ok(taken)
    }

    fn take(&mut self, batch: &RecordBatch, taken: &mut Rows) -> Result<()> {
        let at = column(batch, "at")?;
        let at = at.as_primitive_opt::<TimestampMicrosecondType>().ok_or_else(|| unexpected("at", at))?;
        let money = Money::of(column(batch, "money")?)?;
        let [product, customer, city] = ["product", "customer", "place"].map(|name| texts(batch, name));
        let (product, customer, city) = (product?, customer?, city?);
        let customers = Arc::clone(&self.customers);
        let mut customers = customers.write().unwrap_or_else(PoisonError::into_inner);
        for row in 0..batch.num_rows() {
            if at.is_null(row) {
                taken.undated += 1;
                continue;
            }
            let moment = at.value(row);
            taken.last_sale = taken.last_sale.max(Some(moment));
            let local = self.zone.local_micros(moment);
            taken.dated.push(Row {
                day: local.div_euclid(24 * MICROS_AN_HOUR) as i32,
                hour: (local.rem_euclid(24 * MICROS_AN_HOUR) / MICROS_AN_HOUR) as u8,
                product: number(&mut self.products, &product, row),
                customer: number(&mut customers, &customer, row),
                city: number(&mut self.cities, &city, row),
                amount: money.value(row),
            });
        }
        Ok(())
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
            Segment::of(known, self.sales.orders(number))
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
