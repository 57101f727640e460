{{ config(materialized='view') }}
WITH period AS (
    SELECT
        CAST(max(date) - INTERVAL '{{ var("abc_days", 90) - 1 }}' DAY AS date) AS first_day,
        max(date) AS last_day
    FROM {{ ref('daily_sales_summary') }}
),

product_sales AS (
    SELECT
        sales.product_id,
        count(*) AS order_count,
        sum(sales.quantity) AS units,
        sum(sales.amount) AS revenue
    FROM {{ ref('stg_sales') }} AS sales
    INNER JOIN period ON sales.sale_date >= period.first_day
    GROUP BY sales.product_id
),

all_products AS (
    SELECT
        coalesce(products.product_id, product_sales.product_id) AS product_id,
        products.product_name AS name,
        coalesce(product_sales.order_count, 0) AS order_count,
        CAST(coalesce(product_sales.units, 0) AS bigint) AS units,
        coalesce(product_sales.revenue, 0) AS revenue,
        CASE WHEN product_sales.revenue > 0 THEN product_sales.revenue ELSE 0 END AS earned
    FROM product_sales
    FULL JOIN {{ ref('stg_products') }} AS products ON product_sales.product_id = products.product_id
),

summed AS (
    SELECT
        product_id,
        name,
        order_count,
        units,
        revenue,
        earned,
        sum(earned) OVER () AS total,
        sum(earned) OVER (ORDER BY revenue DESC, product_id ROWS UNBOUNDED PRECEDING) AS running
    FROM all_products
)

-- A product belongs where its own first cent does, so the one that crosses a line takes the better class.
SELECT
    summed.product_id,
    summed.name,
    period.first_day,
    period.last_day,
    summed.order_count,
    summed.units,
    summed.revenue,
    {{ average('100 * summed.earned', 'summed.total') }} AS revenue_pct,
    {{ average('100 * summed.running', 'summed.total') }} AS cumulative_pct,
    CASE
        WHEN summed.order_count = 0 THEN 'U'
        WHEN summed.earned = 0 THEN 'C'
        WHEN 100 * (summed.running - summed.earned) < 80 * summed.total THEN 'A'
        WHEN 100 * (summed.running - summed.earned) < 95 * summed.total THEN 'B'
        ELSE 'C'
    END AS abc_class
FROM summed
CROSS JOIN period
