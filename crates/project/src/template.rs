//! The files of a new project, as they stand in `crates/project/template/`.

/// The line of `shoplake.yml` that names the project.
pub(crate) const NAME_LINE: &str = "name: myshop";
/// The line of `shoplake.yml` and `dbt_project.yml` that states the time zone.
pub(crate) const TIME_ZONE_LINE: &str = "time_zone: UTC";
/// The line of `shoplake.yml` that states the currency.
pub(crate) const CURRENCY_LINE: &str = "currency: USD";

macro_rules! template {
    ($($path:literal),* $(,)?) => {
        &[$(($path, include_str!(concat!("../template/", $path)))),*]
    };
}

/// Every file of the template: its path in the project, and its text.
pub(crate) const FILES: &[(&str, &str)] = template![
    ".gitignore",
    ".vscode/settings.json",
    "README.md",
    "alerts/cost.yml",
    "alerts/error_rate.yml",
    "alerts/pipeline_failed.yml",
    "alerts/query_slow.yml",
    "alerts/sales_are_late.yml",
    "dashboards/sales.yml",
    "dbt_project.yml",
    "inbox/customers/.gitkeep",
    "inbox/products/.gitkeep",
    "inbox/sales/.gitkeep",
    "macros/shop.sql",
    "models/intermediate/int_product_sales.sql",
    "models/intermediate/intermediate.yml",
    "models/marts/abc_classes.sql",
    "models/marts/analysis.yml",
    "models/marts/basket_pairs.sql",
    "models/marts/cohort_retention.sql",
    "models/marts/customer_lifetime_value.sql",
    "models/marts/customer_rfm.sql",
    "models/marts/daily_sales_summary.sql",
    "models/marts/marts.yml",
    "models/marts/new_and_returning_customers.sql",
    "models/marts/rfm_segments.sql",
    "models/marts/sales_by_category.sql",
    "models/marts/sales_by_city.sql",
    "models/marts/sales_by_hour.sql",
    "models/marts/sales_heatmap.sql",
    "models/marts/stock_cover.sql",
    "models/marts/top_products.sql",
    "models/staging/__sources.yml",
    "models/staging/staging.yml",
    "models/staging/stg_customers.sql",
    "models/staging/stg_products.sql",
    "models/staging/stg_sales.sql",
    "prices.yml",
    "reports/daily.yml",
    "shoplake.yml",
    "sources/customers.yml",
    "sources/products.yml",
    "sources/sales.yml",
];

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    /// Nothing in the template folder is forgotten, and the lines that `init` fills in are there.
    #[test]
    fn the_table_lists_the_whole_folder() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("template");
        let (mut folders, mut found) = (vec![root.clone()], Vec::new());
        while let Some(folder) = folders.pop() {
            for entry in fs_err::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    found.push(path.strip_prefix(&root).unwrap().to_str().unwrap().replace('\\', "/"));
                }
            }
        }
        found.sort();
        let mut listed: Vec<&str> = FILES.iter().map(|(path, _)| *path).collect();
        listed.sort_unstable();
        assert_eq!(listed, found);
        let (_, dbt) = FILES.iter().find(|(path, _)| *path == "dbt_project.yml").unwrap();
        assert_eq!(dbt.matches(TIME_ZONE_LINE).count(), 1);
        let (_, settings) = FILES.iter().find(|(path, _)| *path == "shoplake.yml").unwrap();
        for line in [NAME_LINE, TIME_ZONE_LINE, CURRENCY_LINE] {
            assert_eq!(settings.matches(line).count(), 1, "{line}");
        }
    }
}
