{{ config(materialized='view') }}
WITH history AS (
    SELECT
        min(date) AS first_day,
        max(date) AS last_day
    FROM {{ ref('daily_sales_summary') }}
),

-- A shop younger than the period is measured by the days that it has.
period AS (
    SELECT
        greatest(first_day, CAST(last_day - INTERVAL '{{ var("stock_days", 28) - 1 }}' DAY AS date)) AS first_day,
        last_day
    FROM history
),

product_sales AS (
    SELECT
        sales.product_id,
        sum(CASE WHEN sales.quantity > 0 THEN sales.quantity ELSE 0 END) AS units
    FROM {{ ref('stg_sales') }} AS sales
    INNER JOIN period ON sales.sale_date >= period.first_day
    GROUP BY sales.product_id
),

measured AS (
    SELECT
        products.product_id,
        products.product_name AS name,
        products.stock,
        period.last_day AS as_of,
        {{ days_between('period.first_day', 'period.last_day') }} + 1 AS days,
        CAST(coalesce(product_sales.units, 0) AS bigint) AS units_sold
    FROM {{ ref('stg_products') }} AS products
    CROSS JOIN period
    LEFT JOIN product_sales ON products.product_id = product_sales.product_id
)

SELECT
    product_id,
    name,
    as_of,
    days,
    stock,
    units_sold,
    {{ average('units_sold', 'days') }} AS avg_units_per_day,
    CASE WHEN stock >= 0 THEN {{ average('stock * days', 'units_sold') }} END AS days_of_cover,
    CASE
        WHEN stock IS NULL THEN 'unknown'
        WHEN stock < 0 THEN 'oversold'
        WHEN stock = 0 THEN 'out of stock'
        WHEN units_sold = 0 THEN 'no sales'
        ELSE 'in stock'
    END AS stock_status
FROM measured
